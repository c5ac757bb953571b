// A directory for transformers and vLLM: the rules of its config.json, its weights and its files. That those
// programs read it so is tested in tests/parity.
#include "trainer/formats/hf/export_hf.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "tests/support/small_model.h"
#include "trainer/family/families.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/formats/hf/import_hf.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class ExportTest : public FolderTest {
 protected:
  ExportTest() {
    FactorSet readjusted = make_set("readjusted", 256, 1.25);
    readjusted.attention_temperature = 1.0625;
    sets_ = {make_set("8x", 2048, 8), make_set("64x", 16384, 64), readjusted};
    save(small_config());
    write_bytes(source() / "tokenizer.json", "{\"of\": \"the source\"}");
    write_bytes(source() / "generation_config.json", "{\"eos_token_id\": [1, 2]}");
  }
  void save(const ModelConfig& config) {
    save_model_dir(source(), config, sets_, Weights(config).tensors(),
                   {.copy_small_files_from = {}, .in_force = "", .replace = true});
  }
  fs::path source() const { return folder_ / "source"; }
  fs::path target() const { return folder_ / "out"; }

  std::vector<fs::path> export_it(const ExportRequest& request = {.factors = "8x"},
                                  HfExport* options = nullptr) {
    const ModelDir model = open_model_dir(source());
    HfExport what{.model = model,
                  .base = source(),
                  .files = {},
                  .deployments = choose_export_factors(model.config, model.sets, request)};
    if (options != nullptr) {
      what.dtype = options->dtype;
      what.max_shard_bytes = options->max_shard_bytes;
      what.replace = options->replace;
    }
    return export_hf(what, target());
  }
  json exported_config() const { return json::parse(read_bytes(target() / "config.json")); }

  std::vector<FactorSet> sets_;
};

// The rules of longrope in transformers 4 and 5, vLLM and the llama.cpp converter.
TEST_F(ExportTest, BothKeyStylesHoldTheSetsInForce) {
  export_it();
  const json config = exported_config();
  EXPECT_EQ(config.at("max_position_embeddings"), 2048);  // the target, not a training length
  EXPECT_EQ(config.at("original_max_position_embeddings"), 256);
  const double temperature = sets_[0].attention_temperature;
  for (const char* style : {"rope_scaling", "rope_parameters"}) {
    const json& rope = config.at(style);
    EXPECT_EQ(rope.at("rope_type"), "longrope") << style;
    EXPECT_EQ(rope.at("type"), "longrope") << style;  // transformers below 4.43
    EXPECT_EQ(rope.at("short_factor"), (std::vector<double>{1, 1.25})) << style;
    EXPECT_EQ(rope.at("long_factor"), (std::vector<double>{1, 8})) << style;
    EXPECT_EQ(rope.at("original_max_position_embeddings"), 256) << style;
    EXPECT_TRUE(rope.at("factor").is_number_float()) << style;
    EXPECT_EQ(rope.at("factor"), 8.0) << style;
    EXPECT_EQ(rope.at("attention_factor"), temperature) << style;
    EXPECT_EQ(rope.at("short_mscale"), 1.0625) << style;
    EXPECT_EQ(rope.at("long_mscale"), temperature) << style;
  }
  EXPECT_EQ(config.at("rope_parameters").at("rope_theta"), config.at("rope_theta"));
}

TEST_F(ExportTest, TheConfigIsTheGoldenOne) {
  export_it({.factors = "64x", .max_length = 8192});
  EXPECT_EQ(read_bytes(target() / "config.json"),
            read_bytes(fs::path(ROPEWAY_SOURCE_DIR) / "tests/trainer/formats/hf/golden/export_config.json"));
}

TEST_F(ExportTest, NoTemperatureIsStatedWhereTheFormulaSaysIt) {
  export_it({.factors = "8x", .short_factors = "8x"});
  for (const char* key : {"attention_factor", "short_mscale", "long_mscale"}) {
    EXPECT_FALSE(exported_config().at("rope_parameters").contains(key)) << key;
  }
}

TEST_F(ExportTest, TokenizerAndEverySetGoAlong) {
  export_it();
  EXPECT_EQ(names_in(target()),
            (std::vector<std::string>{"config.json", "generation_config.json", "model.safetensors",
                                      "rope_factors.json", "tokenizer.json"}));
  EXPECT_EQ(read_bytes(target() / "tokenizer.json"), read_bytes(source() / "tokenizer.json"));
  EXPECT_EQ(read_bytes(target() / "rope_factors.json"), read_bytes(source() / "rope_factors.json"));
  EXPECT_EQ(open_model_dir(target()).shards.at(0).metadata().at("format"), "pt");
}

TEST_F(ExportTest, EveryLengthHasADirectoryAndTheWeightsAreThereOnce) {
  const auto folders = export_it({});
  EXPECT_EQ(folders, (std::vector<fs::path>{target() / "2K", target() / "16K"}));
  EXPECT_EQ(names_in(target()), (std::vector<std::string>{"16K", "2K"}));
  EXPECT_TRUE(fs::equivalent(target() / "2K/model.safetensors", target() / "16K/model.safetensors"));
  for (const auto& [name, length] : {std::pair{"2K", 2048}, {"16K", 16384}}) {
    const json config = json::parse(read_bytes(target() / name / "config.json"));
    EXPECT_EQ(config.at("max_position_embeddings"), length);
    EXPECT_EQ(open_model_dir(target() / name).sets.size(), 3u);
    EXPECT_TRUE(fs::exists(target() / name / "tokenizer.json"));
  }
}

TEST_F(ExportTest, ShardsHaveTheSizeThatWasAskedFor) {
  const ModelDir model = open_model_dir(source());
  HfExport options{.model = model};
  options.max_shard_bytes = 4000;
  export_it({.factors = "8x"}, &options);
  EXPECT_TRUE(fs::exists(target() / "model.safetensors.index.json"));
  EXPECT_GT(open_model_dir(target()).shards.size(), 2u);
}

TEST_F(ExportTest, AnotherTypeIsWrittenAndTheConfigSaysSo) {
  const ModelDir model = open_model_dir(source());
  HfExport options{.model = model};
  options.dtype = DType::kF16;
  export_it({.factors = "8x"}, &options);
  EXPECT_EQ(exported_config().at("torch_dtype"), "float16");
  EXPECT_EQ(open_model_dir(target()).dtype(), DType::kF16);
}

TEST_F(ExportTest, AValueBeyondTheTypeLeavesNothing) {
  Weights weights(small_config());
  weights.values.back()[0] = 1e6;
  save_model_dir(source(), small_config(), sets_, weights.tensors(),
                 {.copy_small_files_from = {}, .in_force = "", .replace = true});
  const ModelDir model = open_model_dir(source());
  HfExport options{.model = model};
  options.dtype = DType::kF16;
  expect_error(ErrorKind::kBadData, {"'lm_head.weight'", "1e+06"},
               [&] { export_it({.factors = "8x"}, &options); });
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"source"});
}

TEST_F(ExportTest, NothingIsOverwrittenUnlessAModelIsAndThatIsMeant) {
  export_it({});
  expect_error(
      ErrorKind::kCannotCreate, {target().string(), "exists"}, [&] { export_it(); }, WayOut::kReplaceOutput);
  const ModelDir model = open_model_dir(source());
  HfExport options{.model = model};
  options.replace = true;
  export_it({.factors = "8x"}, &options);  // one directory in place of several
  EXPECT_TRUE(fs::exists(target() / "config.json"));
  fs::remove(target() / "config.json");
  expect_error(ErrorKind::kCannotCreate, {target().string(), "not a model directory"},
               [&] { export_it({.factors = "8x"}, &options); });
  EXPECT_EQ(names_in(folder_), (std::vector<std::string>{"out", "source"}));
}

TEST_F(ExportTest, WithoutASourceFolderTheConfigIsWrittenFromNothing) {
  const ModelDir model = open_model_dir(source());
  export_hf({.model = model,
             .base = {},
             .files = {{"tokenizer.json", "made"}},
             .deployments = choose_export_factors(model.config, model.sets, {.factors = "none"})},
            target());
  EXPECT_EQ(read_bytes(target() / "tokenizer.json"), "made");
  EXPECT_EQ(exported_config().at("rope_parameters").at("rope_type"), "default");
  EXPECT_EQ(exported_config().at("max_position_embeddings"), 256);
}

// A sliding window makes the original window the shorter one; the stated length is the model's own.
TEST_F(ExportTest, AModelThatWasNotExtendedKeepsTheLengthItStates) {
  sets_.clear();
  ModelConfig config = small_config();
  config.model_type = "mistral";
  config.sliding_window = 256;
  config.max_position_embeddings = 4096;
  save(config);
  export_it({});
  EXPECT_EQ(exported_config().at("max_position_embeddings"), 4096);
  EXPECT_EQ(exported_config().at("sliding_window"), 256);
}

TEST_F(ExportTest, ComputedRopeThatTheSourceStatesStaysAsItWas) {
  std::string config = write_hf_config(small_config(), nullptr, nullptr, "float32");
  const json yarn = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 256}};
  json edited = json::parse(config);
  edited.erase("rope_parameters");
  edited["rope_scaling"] = yarn;
  edited["max_position_embeddings"] = 1024;
  write_bytes(source() / "config.json", edited.dump());
  fs::remove(source() / "rope_factors.json");
  export_it({});
  EXPECT_EQ(exported_config().at("rope_scaling"), yarn);
  EXPECT_EQ(exported_config().at("rope_parameters").at("rope_type"), "yarn");
  EXPECT_EQ(exported_config().at("rope_parameters").at("rope_theta"), 10000.0);
  EXPECT_EQ(exported_config().at("max_position_embeddings"), 1024);
}

// What a config.json says, whatever its keys are called: its text as this program would write it, and its
// sets.
std::string meaning_of(const fs::path& folder) {
  const ParsedConfig parsed = read_hf_config(folder / "config.json");
  std::string text = write_hf_config(parsed.config, nullptr, nullptr, "float32");
  for (const FactorSet& set : parsed.sets) {
    text += fmt::format("{} {} {} {} {}\n", set.name, set.max_length, set.original_length,
                        set.attention_temperature, fmt::join(set.factors, " "));
  }
  return text;
}

TEST_F(ExportTest, ConfigsOfEveryFamilyKeepTheirMeaning) {
  int families = 0;
  for (const auto& entry : fs::directory_iterator(ROPEWAY_SOURCE_DIR "/tests/data/families")) {
    if (entry.path().extension() != ".json") continue;
    SCOPED_TRACE(entry.path().filename().string());
    ++families;
    fs::remove_all(source());
    fs::create_directories(source());
    fs::copy(entry.path(), source() / "config.json");
    const Weights weights(read_hf_config(entry.path()).config);
    write_safetensors(source() / "model.safetensors", weights.tensors());
    fs::remove_all(target());
    export_it({});
    EXPECT_EQ(meaning_of(target()), meaning_of(source()));
    const json before = json::parse(read_bytes(source() / "config.json")), after = exported_config();
    for (const auto& [key, value] : before.items()) {
      if (!key.starts_with("rope_")) {
        EXPECT_EQ(after.value(key, json()), value) << key;
      }
    }
    for (const char* style : {"rope_scaling", "rope_parameters"})
      EXPECT_TRUE(after.at(style).is_object()) << style;
  }
  EXPECT_EQ(families, static_cast<int>(ropeway::families().size()));
}

// Phi3Config of transformers 4 refuses other keys in rope_scaling.
TEST_F(ExportTest, RopeScalingOfPhi3HoldsWhatItsReaderAllows) {
  ModelConfig config = small_config();
  config.model_type = "phi3";
  FactorSet far = make_set("8x", 2048, 8), near = far;
  near.name = "near";
  near.max_length = 256;
  near.factors = {1, 1.25};
  sets_ = {near, far};
  save(config);
  export_it({});
  const json scaling = exported_config().at("rope_scaling");
  std::vector<std::string> keys;
  for (const auto& [key, value] : scaling.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"long_factor", "short_factor", "type"}));
  EXPECT_EQ(exported_config().at("rope_parameters").at("factor"), 8.0);
}

TEST_F(ExportTest, EveryDirectoryHasItsCardBesideThatOfTheBase) {
  write_bytes(source() / "README.md", "of the base");
  const ModelDir model = open_model_dir(source());
  export_hf({.model = model,
             .base = source(),
             .deployments = choose_export_factors(model.config, model.sets, {}),
             .cards = {"first", "second"}},
            target());
  EXPECT_EQ(read_bytes(target() / "2K/README.md"), "first");
  EXPECT_EQ(read_bytes(target() / "16K/README.md"), "second");
  EXPECT_EQ(read_bytes(target() / "16K/README.base.md"), "of the base");
}

TEST_F(ExportTest, WithoutACardTheBasesStays) {
  write_bytes(source() / "README.md", "of the base");
  export_it();
  EXPECT_EQ(read_bytes(target() / "README.md"), "of the base");
  EXPECT_FALSE(fs::exists(target() / "README.base.md"));
}

TEST_F(ExportTest, ImportExportImportIsTheIdentity) {
  std::string config = read_bytes(source() / "config.json");
  config.insert(1, "\"pretraining_tp\": 1, \"eos_token_id\": [2, 7],");
  const size_t null_token = config.find("\"eos_token_id\": null,");
  config.erase(null_token, std::string("\"eos_token_id\": null,").size());
  write_bytes(source() / "config.json", config);
  fs::remove(source() / "rope_factors.json");
  import_hf_dir(source(), folder_ / "first", {});
  const ModelDir first = open_model_dir(folder_ / "first");
  export_hf({.model = first,
             .base = folder_ / "first",
             .files = {},
             .deployments = choose_export_factors(first.config, first.sets, {})},
            target());
  import_hf_dir(target(), folder_ / "second", {});
  EXPECT_EQ(names_in(folder_ / "second"), names_in(folder_ / "first"));
  for (const std::string& name : names_in(folder_ / "first")) {
    if (name == "config.json") {
      EXPECT_EQ(json::parse(read_bytes(folder_ / "second" / name)),
                json::parse(read_bytes(folder_ / "first" / name)));
    } else {
      EXPECT_EQ(read_bytes(folder_ / "second" / name), read_bytes(folder_ / "first" / name)) << name;
    }
  }
}

}  // namespace
}  // namespace ropeway
