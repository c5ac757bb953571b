// Files written by export_gguf(): read by PyPI gguf, refused where GGUF cannot say it, and the way around
// import -> export -> import.
#include "trainer/formats/gguf/gguf_export.h"

#include "tests/support/folder_test.h"
#include "tests/trainer/formats/gguf/oracle.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/gguf/gguf_import.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

const fs::path kTinyBase = ROPEWAY_SOURCE_DIR "/tests/data/tiny_base";

FactorSet factor_set(const ModelConfig& config, const std::string& name, int64_t length, double highest) {
  FactorSet set;
  set.name = name;
  set.max_length = length;
  set.original_length = config.original_window;
  set.rope_theta = config.rope_theta;
  const int64_t pairs = config.rotary_pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    set.factors.push_back(1 + (highest - 1) * static_cast<double>(i) / static_cast<double>(pairs));
  }
  set.attention_temperature = 1.125;
  return set;
}

class GgufExportTest : public FolderTest {
 protected:
  GgufExportTest() : model_(open_model_dir(kTinyBase)) {
    model_.sets = {factor_set(model_.config, "small", 256, 1.5), factor_set(model_.config, "big", 2048, 8),
                   factor_set(model_.config, "huge", 4096, 20)};
  }
  void write(const fs::path& target, GgmlType type, const ExportRequest& request) {
    export_gguf({.model = model_,
                 .name = type == GgmlType::kF32 ? "" : name_of(std::string(layout_of(type).name)),
                 .tokenizer_folder = kTinyBase,
                 .files = {},
                 .factors = choose_export_factors(model_.config, model_.sets, request).front(),
                 .type = type,
                 .replace = false},
                target);
  }
  // The folder's where none is given.
  static std::string name_of(const std::string& type) {
    return type == "F32" ? "tiny_base" : "mine in " + type;
  }
  void write_longrope(const fs::path& target, GgmlType type) { write(target, type, {.factors = "big"}); }

  ModelDir model_;
};

TEST_F(GgufExportTest, PyPiGgufReadsEveryTensorAndKey) {
  ROPEWAY_NEEDS_PYTHON();
  std::vector<std::string> arguments = {"check", kTinyBase.string()};
  for (const GgmlType type : {GgmlType::kF32, GgmlType::kF16, GgmlType::kBF16, GgmlType::kQ8_0}) {
    arguments.push_back((folder_ / layout_of(type).name).string() + ".gguf");
    write_longrope(arguments.back(), type);
  }
  const std::string all = gguf_oracle(arguments);
  ASSERT_FALSE(HasFailure());
  for (const std::string name : {"F32", "F16", "BF16", "Q8_0"}) {
    SCOPED_TRACE(name);
    const size_t begin = all.find("/" + name + ".gguf\n");
    ASSERT_NE(begin, std::string::npos);
    const std::string said = all.substr(begin, all.find("file ", begin) - begin);
    for (const std::string line :
         {"key general.architecture \"llama\"\n", "key llama.context_length 2048\n",
          "key llama.rope.scaling.type \"longrope\"\n",
          "key llama.rope.scaling.original_context_length 256\n",
          "key llama.rope.scaling.attn_factor 1.125\n", "key llama.rope.freq_base 10000.0\n",
          "key tokenizer.ggml.model \"gpt2\"\n", "key tokenizer.ggml.pre \"gpt-2\"\n"}) {
      EXPECT_THAT(said, testing::HasSubstr(line));
    }
    EXPECT_THAT(said, testing::HasSubstr("key general.name \"" + name_of(name) + "\"\n"));
    EXPECT_THAT(said, testing::HasSubstr("tensor model.layers.0.self_attn.q_proj.weight " + name + "\n"));
    EXPECT_THAT(said, testing::HasSubstr("tensor model.norm.weight F32\n"));
    // The two tables, with the numbers of the sets.
    for (const auto& [table, set] :
         {std::pair("rope_factors_long.weight", "big"), std::pair("rope_factors_short.weight", "small")}) {
      const size_t at = said.find(std::string("table ") + table + " F32 ");
      ASSERT_NE(at, std::string::npos) << table;
      const std::string line = said.substr(at, said.find('\n', at) - at);
      const std::vector<double> found = numbers_of(line.substr(line.find("F32 ") + 4));
      const std::vector<double>& wanted = find_factor_set(model_.sets, set)->factors;
      ASSERT_EQ(found.size(), wanted.size());
      for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(found[i], static_cast<float>(wanted[i]));
    }
  }
}

TEST_F(GgufExportTest, ImportGivesBackWeightsConfigTokenizerAndAllSets) {
  const fs::path file = folder_ / "model.gguf", back = folder_ / "back";
  model_.weights = "tune@1";
  model_.sets[2].weights = "base";  // history
  write_longrope(file, GgmlType::kBF16);
  import_gguf(file, back, {});
  const ModelDir found = open_model_dir(back);
  EXPECT_EQ(found.weights, "tune@1");
  EXPECT_EQ(found.sets.back().weights, "base");
  EXPECT_EQ(found.config.original_window, model_.config.original_window);
  EXPECT_EQ(found.config.rope_theta, model_.config.rope_theta);
  ASSERT_EQ(found.sets.size(), model_.sets.size());
  for (size_t i = 0; i < model_.sets.size(); ++i) {
    EXPECT_EQ(found.sets[i].name, model_.sets[i].name);
    EXPECT_EQ(found.sets[i].max_length, model_.sets[i].max_length);
    EXPECT_EQ(found.sets[i].factors, model_.sets[i].factors);
    EXPECT_EQ(found.sets[i].attention_temperature, model_.sets[i].attention_temperature);
  }
  for (const NamedShape& weight : weight_names(model_.config)) {
    const auto wanted = model_.shard_of(weight.name).data(weight.name);
    const auto got = found.shard_of(weight.name).data(weight.name);
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), got.begin(), got.end())) << weight.name;
  }
}

TEST_F(GgufExportTest, ImportExportImportIsTheIdentity) {
  ROPEWAY_NEEDS_PYTHON();
  gguf_oracle({"make", folder_.string()});
  ASSERT_FALSE(HasFailure());
  for (const std::string name : {"llama", "mistral", "phi3", "qwen2", "qwen3"}) {
    SCOPED_TRACE(name);
    const fs::path once = folder_ / name, again = folder_ / (name + "_again"),
                   file = folder_ / (name + "_out.gguf");
    import_gguf(folder_ / (name + ".gguf"), once, {.dtype = DType::kF32, .replace = false});
    const ModelDir model = open_model_dir(once);
    export_gguf({.model = model,
                 .tokenizer_folder = once,
                 .files = {},
                 .factors = choose_export_factors(model.config, model.sets, {}).front(),
                 .type = GgmlType::kF32,
                 .replace = false},
                file);
    import_gguf(file, again, {.dtype = DType::kF32, .replace = false});
    EXPECT_EQ(names_in(once), names_in(again));
    for (const std::string& entry : names_in(once)) {
      EXPECT_TRUE(read_bytes(once / entry) == read_bytes(again / entry)) << entry;
    }
  }
}

// Heads of which RoPE turns three quarters, a window of the attention, factors for 2,048 tokens.
TEST_F(GgufExportTest, Phi3WithFactorsComesBack) {
  ROPEWAY_NEEDS_PYTHON();
  gguf_oracle({"make", folder_.string()});
  ASSERT_FALSE(HasFailure());
  import_gguf(folder_ / "phi3.gguf", folder_ / "phi3", {.dtype = DType::kF32, .replace = false});
  model_ = open_model_dir(folder_ / "phi3");
  model_.config.rotary_dim = model_.config.head_dim * 3 / 4;
  model_.config.sliding_window = 1000;
  model_.sets = {factor_set(model_.config, "small", 256, 1.5), factor_set(model_.config, "big", 2048, 8)};
  const fs::path file = folder_ / "out.gguf", back = folder_ / "back";
  write(file, GgmlType::kF32, {.factors = "big"});
  import_gguf(file, back, {.dtype = DType::kF32, .replace = false});
  const ModelDir found = open_model_dir(back);
  EXPECT_EQ(found.config.model_type, "phi3");
  EXPECT_EQ(found.config.rotary_pairs(), model_.config.rotary_pairs());
  EXPECT_EQ(found.config.sliding_window, 1000);
  EXPECT_EQ(found.config.original_window, 256);
  ASSERT_EQ(found.sets.size(), 2);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(found.sets[i].factors, model_.sets[i].factors);
  EXPECT_TRUE(read_bytes(folder_ / "phi3" / "model.safetensors") == read_bytes(back / "model.safetensors"));
}

// Llama 3 was trained under its factors: one list at every length, as llama.cpp's own converter writes them.
TEST_F(GgufExportTest, Llama3sFactorsAreRopeFreqs) {
  model_.config.original_window = model_.config.max_position_embeddings = 8192;
  model_.sets = {factor_set(model_.config, kLlama3Set, 8192, 1)};
  model_.sets[0].factors = llama3_factors(model_.config.rope_geometry(), {.factor = 8});
  model_.sets[0].attention_temperature = 1;
  const fs::path file = folder_ / "model.gguf", back = folder_ / "back";
  write(file, GgmlType::kBF16, {});
  const GgufFile written = GgufFile::open(file);
  EXPECT_NE(written.find_tensor("rope_freqs.weight"), nullptr);
  EXPECT_EQ(written.find_tensor("rope_factors_long.weight"), nullptr);
  EXPECT_FALSE(written.find("llama.rope.scaling.type"));
  import_gguf(file, back, {});
  const ModelDir found = open_model_dir(back);
  EXPECT_EQ(found.config.original_window, 8192);
  ASSERT_EQ(found.sets.size(), 1);
  EXPECT_EQ(found.sets[0].name, kLlama3Set);
  EXPECT_EQ(found.sets[0].factors, model_.sets[0].factors);
}

TEST_F(GgufExportTest, FactorsThatWereChangedBehindTheSetsAreRefused) {
  const fs::path file = folder_ / "model.gguf";
  write_longrope(file, GgmlType::kF32);
  const GgufFile whole = GgufFile::open(file);
  const size_t at = static_cast<size_t>(whole.tensor("rope_factors_long.weight").data.data() -
                                        whole.tensors().front().data.data());
  std::string bytes = read_bytes(file);
  const size_t data_start = bytes.find(
      std::string(reinterpret_cast<const char*>(whole.tensor("rope_factors_long.weight").data.data()), 64));
  ASSERT_NE(data_start, std::string::npos) << at;
  const float other = 3.5f;
  bytes.replace(data_start + 4, sizeof other, reinterpret_cast<const char*>(&other), sizeof other);
  write_bytes(folder_ / "changed.gguf", bytes);
  expect_error(ErrorKind::kBadData, {"ropeway.factor_sets", "rope_factors_long.weight", "changed"},
               [&] { import_gguf(folder_ / "changed.gguf", folder_ / "model", {}); });
}

TEST_F(GgufExportTest, AnExistingFileIsKeptUnlessItIsToBeReplaced) {
  const fs::path target = folder_ / "model.gguf";
  write_bytes(target, "mine");
  expect_error(
      ErrorKind::kCannotCreate, {"model.gguf", "exists"}, [&] { write_longrope(target, GgmlType::kBF16); },
      WayOut::kReplaceOutput);
  EXPECT_EQ(read_bytes(target), "mine");
  fs::create_directory(folder_ / "folder");
  expect_error(ErrorKind::kCannotCreate, {"folder", "not a file"},
               [&] { write_longrope(folder_ / "folder", GgmlType::kBF16); });
  EXPECT_THAT(names_in(folder_), testing::ElementsAre("folder", "model.gguf"));
}

TEST_F(GgufExportTest, WhatGgufCannotSayIsRefused) {
  model_.sets[1].start_tokens = 4;
  expect_error(ErrorKind::kBadData, {"big"}, [&] { write_longrope(folder_ / "a.gguf", GgmlType::kBF16); });
  model_.sets[1].start_tokens = 0;
  model_.config.sliding_window = 512;
  expect_error(ErrorKind::kBadData, {"attend to 512 tokens"},
               [&] { write_longrope(folder_ / "a.gguf", GgmlType::kBF16); });
  model_.config.sliding_window = 0;
  for (const std::string name : {"qwen2", "qwen3"}) {
    model_.config.model_type = name;
    expect_error(ErrorKind::kBadData, {"RoPE factors", "llama and phi3", name},
                 [&] { write_longrope(folder_ / "a.gguf", GgmlType::kBF16); });
  }
  EXPECT_THAT(names_in(folder_), testing::IsEmpty());
}

TEST_F(GgufExportTest, TokenizersWithoutANameInGguf) {
  std::string tokenizer = read_bytes(kTinyBase / "tokenizer.json");
  const size_t at = tokenizer.find("\"ByteLevel\"", tokenizer.find("\"pre_tokenizer\""));
  ASSERT_NE(at, std::string::npos);
  tokenizer.replace(at, 11, "\"Whitespace\"");
  expect_error(ErrorKind::kBadData, {"tokenizer.json", "splits text into words"}, [&] {
    export_gguf({.model = model_,
                 .tokenizer_folder = kTinyBase,
                 .files = {{"tokenizer.json", tokenizer}},
                 .factors = choose_export_factors(model_.config, {}, {}).front(),
                 .type = GgmlType::kF32,
                 .replace = false},
                folder_ / "model.gguf");
  });
}

}  // namespace
}  // namespace ropeway
