#include "trainer/formats/hf/model_dir.h"

#include <cstring>
#include <functional>

#include "kernels/base/float16.h"
#include "tests/support/python.h"
#include "tests/support/small_model.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/formats/hf/import_hf.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/safetensors/convert_elements.h"
#include "trainer/formats/safetensors/safetensors_writer.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

class ModelDirTest : public FolderTest {
 protected:
  std::filesystem::path dir() const { return folder_ / "model"; }
  void save(const ModelConfig& config, const std::vector<FactorSet>& sets, SaveModelOptions options = {}) {
    save_model_dir(dir(), config, sets, Weights(config).tensors(), options);
  }
  // A directory with two shards and an index.
  void save_sharded(const ModelConfig& config) {
    std::filesystem::create_directories(dir());
    write_bytes(dir() / "config.json", write_hf_config(config, nullptr, nullptr, "float32"));
    const Weights weights(config);
    const auto tensors = weights.tensors();
    const size_t half = tensors.size() / 2;
    write_safetensors(dir() / "model-00001-of-00002.safetensors", {tensors.begin(), tensors.begin() + half});
    write_safetensors(dir() / "model-00002-of-00002.safetensors", {tensors.begin() + half, tensors.end()});
    std::string map;
    for (size_t i = 0; i < tensors.size(); ++i) {
      map += fmt::format("{}\"{}\":\"model-0000{}-of-00002.safetensors\"", i == 0 ? "" : ",", tensors[i].name,
                         i < half ? 1 : 2);
    }
    write_bytes(index(), "{\"metadata\":{\"total_size\":1},\"weight_map\":{" + map + "}}");
  }
  std::filesystem::path index() const { return dir() / "model.safetensors.index.json"; }
  void edit(const std::filesystem::path& path, const std::string& from, const std::string& to) {
    std::string text = read_bytes(path);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_bytes(path, text.replace(at, from.size(), to));
  }
};

TEST_F(ModelDirTest, WeightNamesAreThoseOfLlama) {
  const auto untied = weight_names(small_config());
  EXPECT_EQ(untied.size(), 2 + 2 * 9 + 1u);
  EXPECT_EQ(untied.front().name, "model.embed_tokens.weight");
  EXPECT_EQ(untied.front().shape, (std::vector<int64_t>{20, 16}));
  EXPECT_EQ(untied.back().name, "lm_head.weight");
  const auto tied = weight_names(small_config(true));
  EXPECT_EQ(tied.back().name, "model.norm.weight");
  int64_t parameters = 0;
  for (const NamedShape& name : untied)
    parameters += name.shape.size() == 2 ? name.shape[0] * name.shape[1] : name.shape[0];
  EXPECT_EQ(parameters, small_config().num_parameters());
}

TEST_F(ModelDirTest, UnknownFamiliesAreRefused) {
  ModelConfig config = small_config();
  config.model_type = "gpt2";
  expect_error(ErrorKind::kBadData, {"'gpt2'", "llama, mistral, phi3, qwen2, qwen3"},
               [&] { weight_names(config); });
}

TEST_F(ModelDirTest, RoundTrip) {
  const std::vector<FactorSet> sets = {make_set("8x", 2048, 8), make_set("64x", 16384, 64)};
  save(small_config(), sets);
  const ModelDir model = open_model_dir(dir());
  EXPECT_EQ(model.config.num_layers, 2);
  EXPECT_EQ(model.config.original_window, 256);
  ASSERT_EQ(model.sets.size(), 2u);
  EXPECT_EQ(model.sets[0].name, "8x");
  EXPECT_EQ(model.sets[1].factors, sets[1].factors);
  const Weights weights(small_config());
  for (size_t i = 0; i < weights.names.size(); ++i) {
    const std::string& name = weights.names[i].name;
    EXPECT_EQ(std::memcmp(model.shard_of(name).data(name).data(), weights.values[i].data(),
                          4 * weights.values[i].size()),
              0)
        << name;
  }
  EXPECT_EQ(names_in(dir()),
            (std::vector<std::string>{"config.json", "model.safetensors", "rope_factors.json"}));
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"model"});
}

TEST_F(ModelDirTest, LongestSetIsInForceUnlessNamed) {
  const std::vector<FactorSet> sets = {make_set("64x", 16384, 64), make_set("8x", 2048, 8)};
  save(small_config(), sets);
  EXPECT_THAT(read_bytes(dir() / "config.json"), testing::HasSubstr("\"max_position_embeddings\": 16384"));
  save(small_config(), sets, {.copy_small_files_from = {}, .in_force = "8x", .replace = true});
  EXPECT_THAT(read_bytes(dir() / "config.json"), testing::HasSubstr("\"max_position_embeddings\": 2048"));
}

TEST_F(ModelDirTest, PlainModelHasNoScaling) {
  save(small_config(), {});
  EXPECT_THAT(read_bytes(dir() / "config.json"), testing::HasSubstr("\"rope_scaling\": null"));
  EXPECT_TRUE(open_model_dir(dir()).sets.empty());
}

TEST_F(ModelDirTest, StartTokensStayInTheFactorFile) {
  FactorSet set = make_set("8x", 2048, 8);
  set.start_tokens = 4;
  testing::internal::CaptureStderr();
  save(small_config(), {set});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("'8x' has start tokens"));
  EXPECT_THAT(read_bytes(dir() / "config.json"), testing::HasSubstr("\"rope_scaling\": null"));
  EXPECT_EQ(open_model_dir(dir()).sets.at(0).start_tokens, 4);
}

TEST_F(ModelDirTest, SmallFilesAreCopiedAndWeightsAreNot) {
  std::filesystem::create_directories(folder_ / "base" / "onnx");
  for (const char* name :
       {"tokenizer.json", "generation_config.json", "merges.txt", "model.safetensors", "rope_factors.json",
        "pytorch_model.bin", "model.safetensors.index.json", ".hidden", "modeling_llama.py", "SHA256SUMS"}) {
    write_bytes(folder_ / "base" / name, std::string("of ") + name);
  }
  save(small_config(), {}, {.copy_small_files_from = folder_ / "base", .in_force = "", .replace = false});
  EXPECT_EQ(names_in(dir()),
            (std::vector<std::string>{"config.json", "generation_config.json", "merges.txt",
                                      "model.safetensors", "rope_factors.json", "tokenizer.json"}));
  EXPECT_EQ(read_bytes(dir() / "merges.txt"), "of merges.txt");
}

TEST_F(ModelDirTest, KeysOfTheBaseConfigStay) {
  std::filesystem::create_directories(folder_ / "base");
  std::string config = write_hf_config(small_config(), nullptr, nullptr, "bfloat16");
  config.insert(1, "\"auto_map\": {\"AutoConfig\": \"code.Config\"}, \"pretraining_tp\": 3,");
  write_bytes(folder_ / "base" / "config.json", config);
  save(small_config(), {make_set("8x", 2048, 8)},
       {.copy_small_files_from = folder_ / "base", .in_force = "", .replace = false});
  const std::string saved = read_bytes(dir() / "config.json");
  for (const char* part : {"\"pretraining_tp\": 3", "\"max_position_embeddings\": 2048",
                           "\"torch_dtype\": \"float32\"", "\"rope_type\": \"longrope\""}) {
    EXPECT_THAT(saved, testing::HasSubstr(part));
  }
  EXPECT_THAT(saved, testing::Not(testing::HasSubstr("auto_map")));
}

TEST_F(ModelDirTest, WeightsOfAnotherDirectoryAreNotWrittenAgain) {
  save(small_config(), {});
  const ModelDir model = open_model_dir(dir());
  const std::filesystem::path published = folder_ / "published";
  for (const char* name : {"8x", "again"}) {
    save_model_dir(published, small_config(), {make_set(name, 2048, 8)}, model,
                   {.copy_small_files_from = dir(), .in_force = "", .replace = true});
    EXPECT_TRUE(std::filesystem::equivalent(dir() / "model.safetensors", published / "model.safetensors"));
    EXPECT_EQ(open_model_dir(published).sets.at(0).name, name);
  }
  EXPECT_TRUE(open_model_dir(dir()).sets.empty());
  EXPECT_EQ(names_in(folder_), (std::vector<std::string>{"model", "published"}));
}

TEST_F(ModelDirTest, WeightsOfAnotherFileSystemAreCopied) {
  const OtherFileSystem other(folder_);
  if (!other.usable) GTEST_SKIP() << "no other file system at " << other.path;
  save(small_config(), {});
  std::filesystem::copy(dir(), other.path / "model");
  const std::filesystem::path published = folder_ / "published";
  save_model_dir(published, small_config(), {}, open_model_dir(other.path / "model"), {});
  EXPECT_TRUE(
      std::filesystem::is_regular_file(std::filesystem::symlink_status(published / "model.safetensors")));
  EXPECT_EQ(read_bytes(published / "model.safetensors"), read_bytes(dir() / "model.safetensors"));
}

TEST_F(ModelDirTest, ExistingDirectoryIsReplacedOnlyOnRequest) {
  save(small_config(), {});
  write_bytes(dir() / "mine.txt", "x");
  expect_error(ErrorKind::kCannotCreate, {dir().string(), "exists"}, [&] { save(small_config(), {}); });
  EXPECT_TRUE(std::filesystem::exists(dir() / "mine.txt"));
  save(small_config(), {}, {.copy_small_files_from = {}, .in_force = "", .replace = true});
  EXPECT_FALSE(std::filesystem::exists(dir() / "mine.txt"));
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"model"});
}

TEST_F(ModelDirTest, WeightsThatDoNotFitAreNotWritten) {
  Weights weights(small_config());
  auto tensors = weights.tensors();
  tensors.pop_back();
  expect_error(ErrorKind::kBadData, {"1 weights", "missing", "lm_head.weight"},
               [&] { save_model_dir(dir(), small_config(), {}, tensors, {}); });
  EXPECT_TRUE(names_in(folder_).empty());
}

TEST_F(ModelDirTest, FactorFileWinsOverConfig) {
  save(small_config(), {make_set("8x", 2048, 8)});
  write_factor_file(dir() / "rope_factors.json", {make_set("other", 4096, 16)});
  EXPECT_EQ(open_model_dir(dir()).sets.at(0).name, "other");
  std::filesystem::remove(dir() / "rope_factors.json");
  EXPECT_EQ(open_model_dir(dir()).sets.back().name, "long");
}

TEST_F(ModelDirTest, FactorFileOfAnotherModelIsRefused) {
  save(small_config(), {});
  FactorSet set = make_set("8x", 2048, 8);
  set.factors.push_back(9);
  write_factor_file(dir() / "rope_factors.json", {set});
  expect_error(ErrorKind::kBadData, {"rope_factors.json", "'8x'", "3 factors"},
               [&] { open_model_dir(dir()); });
  set = make_set("8x", 2048, 8);
  set.rope_theta = 500000;
  write_factor_file(dir() / "rope_factors.json", {set});
  expect_error(ErrorKind::kBadData, {"rope_factors.json", "'8x'", "500000", "10000"},
               [&] { open_model_dir(dir()); });
}

TEST_F(ModelDirTest, TiedHeadMayBeThereOrNot) {
  const ModelConfig tied = small_config(true);
  save(tied, {});
  EXPECT_EQ(open_model_dir(dir()).shards[0].tensors().count("lm_head.weight"), 0u);
  Weights untied{small_config()};
  untied.values.back() = untied.values.front();
  write_safetensors(dir() / "model.safetensors", untied.tensors());
  EXPECT_TRUE(open_model_dir(dir()).config.tie_word_embeddings);
}

TEST_F(ModelDirTest, MissingUnexpectedAndMisshapenTensorsAreListed) {
  save(small_config(), {});
  const Weights weights{small_config()};
  const auto all = weights.tensors();
  auto with = [&](const std::function<void(std::vector<TensorToWrite>&)>& change) {
    auto tensors = all;
    change(tensors);
    write_safetensors(dir() / "model.safetensors", tensors);
  };
  with([](auto& t) { t.erase(t.begin() + 1, t.begin() + 1 + 12); });
  expect_error(ErrorKind::kBadData,
               {dir().string(), "12 weights", "missing", "model.layers.0.input_layernorm.weight", ", ..."},
               [&] { open_model_dir(dir()); });
  with([](auto& t) { t[0].shape = {16, 20}; });
  expect_error(ErrorKind::kBadData, {"model.embed_tokens.weight is [16, 20], wanted [20, 16]"},
               [&] { open_model_dir(dir()); });
  with([](auto& t) { t[0].dtype = DType::kI32; });
  expect_error(ErrorKind::kBadData, {"model.embed_tokens.weight is I32"}, [&] { open_model_dir(dir()); });
  with([](auto& t) { t.push_back({"model.layers.0.self_attn.q_proj.bias", DType::kF32, {16}, t[0].data}); });
  expect_error(ErrorKind::kBadData, {"1 unexpected", "model.layers.0.self_attn.q_proj.bias"},
               [&] { open_model_dir(dir()); });
  with([](auto& t) {
    for (const char* buffer : {"inv_freq", "cos_cached", "sin_cached"}) {
      t.push_back(
          {fmt::format("model.layers.0.self_attn.rotary_emb.{}", buffer), DType::kF32, {2}, t[0].data});
    }
  });
  EXPECT_NO_THROW(open_model_dir(dir()));
}

// config.json ties them; the weights say otherwise, or not at all.
class TiedHead : public ModelDirTest {
 protected:
  TiedHead() { save(small_config(true), {}); }
  // The embedding, and a head of these values; either may be left out.
  void write(bool embedding, const std::vector<float>* head, DType head_type = DType::kF32) {
    std::vector<TensorToWrite> tensors = weights_.tensors();
    if (head != nullptr) tensors.push_back({"lm_head.weight", head_type, {20, 16}, head->data()});
    if (!embedding) tensors.erase(tensors.begin());
    write_safetensors(dir() / "model.safetensors", tensors);
  }
  const std::vector<float>& embedding() const { return weights_.values.front(); }
  std::string warning_of_opening(ModelDir& model) {
    testing::internal::CaptureStderr();
    model = open_model_dir(dir());
    return testing::internal::GetCapturedStderr();
  }

  Weights weights_{small_config(true)};
};

TEST_F(TiedHead, TheSameValuesTwiceAreTied) {
  write(true, &embedding());
  ModelDir model;
  EXPECT_EQ(warning_of_opening(model), "");
  EXPECT_TRUE(model.config.tie_word_embeddings);
  // As another type with the same values, too.
  std::vector<float> rounded = embedding();
  for (float& value : rounded) value = static_cast<float>(bfloat16(value));
  weights_.values.front() = rounded;
  std::vector<float> narrow(20 * 16 / 2);
  convert_elements(rounded.data(), DType::kF32, narrow.data(), DType::kBF16, 20 * 16);
  write(true, &narrow, DType::kBF16);
  EXPECT_EQ(warning_of_opening(model), "");
  EXPECT_TRUE(model.config.tie_word_embeddings);
}

TEST_F(TiedHead, AHeadAloneIsTheEmbedding) {
  write(false, &embedding());
  const ModelDir model = open_model_dir(dir());
  EXPECT_TRUE(model.config.tie_word_embeddings);
  const std::string name = "model.embed_tokens.weight";
  EXPECT_EQ(std::memcmp(model.shard_of(name).data(name).data(), embedding().data(), 4 * 20 * 16), 0);
}

TEST_F(TiedHead, AHeadWithOtherValuesIsKeptWithAWarning) {
  std::vector<float> other = embedding();
  other.back() += 1;
  write(true, &other);
  ModelDir model;
  EXPECT_THAT(warning_of_opening(model),
              testing::HasSubstr("lm_head.weight and model.embed_tokens.weight differ"));
  EXPECT_FALSE(model.config.tie_word_embeddings);
  EXPECT_EQ(
      std::memcmp(model.shard_of("lm_head.weight").data("lm_head.weight").data(), other.data(), 4 * 20 * 16),
      0);
  // What is written of it says so: other programs would drop the head.
  import_hf_dir(dir(), folder_ / "imported", {});
  EXPECT_THAT(read_bytes(folder_ / "imported" / "config.json"),
              testing::HasSubstr("\"tie_word_embeddings\": false"));
  EXPECT_FALSE(open_model_dir(folder_ / "imported").config.tie_word_embeddings);
  export_hf(
      {.model = model, .base = dir(), .deployments = choose_export_factors(model.config, model.sets, {})},
      folder_ / "exported");
  EXPECT_THAT(read_bytes(folder_ / "exported" / "config.json"),
              testing::HasSubstr("\"tie_word_embeddings\": false"));
  EXPECT_NO_THROW(open_model_dir(folder_ / "exported").shard_of("lm_head.weight"));
}

// For whoever counts parameters: only the headers of the two matrices' shards need be there.
TEST_F(TiedHead, IsToldWithoutOpeningTheModel) {
  ModelConfig config = small_config(true);
  std::filesystem::create_directories(dir());
  take_tie_of_weights(dir(), config);
  EXPECT_TRUE(config.tie_word_embeddings) << "no weights";
  write(true, &embedding());
  take_tie_of_weights(dir(), config);
  EXPECT_TRUE(config.tie_word_embeddings) << "the same values";
  std::vector<float> other = embedding();
  other.back() += 1;
  write(true, &other);
  testing::internal::CaptureStderr();
  take_tie_of_weights(dir(), config);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("differ"));
  EXPECT_FALSE(config.tie_word_embeddings);
  // Of a download in progress, the shard with the embedding is there.
  config.tie_word_embeddings = true;
  std::filesystem::rename(dir() / "model.safetensors", dir() / "model-00001-of-00002.safetensors");
  write_bytes(dir() / "model.safetensors.index.json",
              R"({"weight_map": {"model.embed_tokens.weight": "model-00001-of-00002.safetensors",
                                 "lm_head.weight": "model-00002-of-00002.safetensors"}})");
  testing::internal::CaptureStderr();
  take_tie_of_weights(dir(), config);
  EXPECT_FALSE(config.tie_word_embeddings);
  testing::internal::GetCapturedStderr();
  std::filesystem::remove(dir() / "model-00001-of-00002.safetensors");
  config.tie_word_embeddings = true;
  take_tie_of_weights(dir(), config);
  EXPECT_TRUE(config.tie_word_embeddings);
}

TEST_F(TiedHead, AnIndexMayListAHeadThatNoShardHolds) {
  std::filesystem::remove_all(dir());
  save_sharded(small_config(true));
  edit(index(), "\"weight_map\":{",
       "\"weight_map\":{\"lm_head.weight\":\"model-00002-of-00002.safetensors\",");
  EXPECT_TRUE(open_model_dir(dir()).config.tie_word_embeddings);
}

TEST_F(TiedHead, AnUntiedModelWithoutAHeadIsToldOfTheTie) {
  write_bytes(dir() / "config.json", write_hf_config(small_config(), nullptr, nullptr, "float32"));
  expect_error(ErrorKind::kBadData, {"1 weights", "missing: lm_head.weight", "\"tie_word_embeddings\": true"},
               [&] { open_model_dir(dir()); });
}

TEST_F(ModelDirTest, AGgufFileIsNoModelDirectory) {
  const std::filesystem::path file = folder_ / "m.gguf";
  write_bytes(file, "GGUF");
  for (const auto& open : {std::function<void()>([&] { open_model_dir(file); }),
                           std::function<void()>([&] { read_config_and_sets(file); })}) {
    expect_error(ErrorKind::kBadData, {file.string() + ": is a GGUF file, wanted a model directory"}, open);
  }
}

TEST_F(ModelDirTest, AFolderWithAGgufFileAloneSaysSo) {
  write_bytes(folder_ / "only" / "b.gguf", "GGUF");
  write_bytes(folder_ / "only" / "a.gguf", "GGUF");
  try {
    open_model_dir(folder_ / "only");
    ADD_FAILURE();
  } catch (const GgufNotImported& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_EQ(error.file(), folder_ / "only" / "a.gguf");
  }
  // With a config.json, but no other weights.
  save(small_config(), {});
  std::filesystem::rename(dir() / "model.safetensors", dir() / "model.gguf");
  EXPECT_THROW(open_model_dir(dir()), GgufNotImported);
}

TEST_F(ModelDirTest, MissingTensorListIsAtMostTen) {
  save(small_config(), {});
  write_safetensors(dir() / "model.safetensors", {});
  try {
    open_model_dir(dir());
    ADD_FAILURE();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_THAT(text, testing::HasSubstr("21 weights"));
    EXPECT_EQ(std::count(text.begin(), text.end(), ','), 10);  // nine between the ten, one before the dots
  }
}

TEST_F(ModelDirTest, ShardsOpenThroughTheIndex) {
  save_sharded(small_config());
  const ModelDir model = open_model_dir(dir());
  EXPECT_EQ(model.shards.size(), 2u);
  EXPECT_EQ(model.shard_of("lm_head.weight").path().filename(), "model-00002-of-00002.safetensors");
  expect_error(ErrorKind::kBadData, {dir().string(), "'nothing'"}, [&] { model.shard_of("nothing"); });
}

TEST_F(ModelDirTest, ShardNamesStayInTheFolder) {
  const std::string name = "\"model-00001-of-00002.safetensors\"";
  for (const char* evil : {"../outside.safetensors", "/etc/passwd.safetensors", "sub/x.safetensors", "..", "",
                           ".x.safetensors", "weights.bin", "a\\u0000b.safetensors", "..\\\\x.safetensors"}) {
    save_sharded(small_config());
    write_bytes(folder_ / "outside.safetensors", "never read");
    edit(index(), name, fmt::format("\"{}\"", evil));
    expect_error(ErrorKind::kBadData, {index().string(), "weight_map.", "a plain file name"},
                 [&] { open_model_dir(dir()); });
  }
}

TEST_F(ModelDirTest, IndexAndShardsMustAgree) {
  save_sharded(small_config());
  edit(index(), "\"lm_head.weight\":\"model-00002-of-00002.safetensors\"",
       "\"lm_head.weight\":\"model-00001-of-00002.safetensors\"");
  expect_error(ErrorKind::kBadData, {"'lm_head.weight' is in model-00002", "says model-00001"},
               [&] { open_model_dir(dir()); });
  save_sharded(small_config());
  edit(index(), "\"weight_map\":{", "\"weight_map\":{\"ghost\":\"model-00001-of-00002.safetensors\",");
  expect_error(ErrorKind::kBadData, {"model-00001", "'ghost'", "it does not"},
               [&] { open_model_dir(dir()); });
  save_sharded(small_config());
  edit(index(), ",\"lm_head.weight\":\"model-00002-of-00002.safetensors\"", "");
  expect_error(ErrorKind::kBadData, {"'lm_head.weight'", "nothing of it"}, [&] { open_model_dir(dir()); });
  save_sharded(small_config());
  std::filesystem::remove(dir() / "model-00002-of-00002.safetensors");
  expect_error(ErrorKind::kMissingInput, {"model-00002-of-00002.safetensors"},
               [&] { open_model_dir(dir()); });
  save_sharded(small_config());
  write_bytes(index(), R"({"weight_map":{"a":5}})");
  expect_error(ErrorKind::kBadData, {"weight_map.a: found 5, wanted a string"},
               [&] { open_model_dir(dir()); });
}

TEST_F(ModelDirTest, PickledWeightsAreRefusedWithTheWayOut) {
  save(small_config(), {});
  std::filesystem::rename(dir() / "model.safetensors", dir() / "pytorch_model.bin");
  expect_error(ErrorKind::kBadData, {dir().string(), "pytorch_model.bin", "Convert", "save_pretrained"},
               [&] { open_model_dir(dir()); });
  std::filesystem::remove(dir() / "pytorch_model.bin");
  expect_error(ErrorKind::kMissingInput, {dir().string(), "no weights"}, [&] { open_model_dir(dir()); });
}

TEST_F(ModelDirTest, MissingDirectoryIsMissingInput) {
  expect_error(ErrorKind::kMissingInput, {"nowhere", "is not there"},
               [&] { open_model_dir(folder_ / "nowhere"); });
  expect_error(ErrorKind::kMissingInput, {"config.json"}, [&] { open_model_dir(folder_); });
}

TEST_F(ModelDirTest, TransformersLoadsTheDirectory) {
  ROPEWAY_NEEDS_PYTHON();
  save(small_config(), {make_set("8x", 2048, 8)});
  const auto lines = lines_of(run_python(fmt::format(R"PY(
import torch
from transformers import AutoModelForCausalLM
m, info = AutoModelForCausalLM.from_pretrained('{}', output_loading_info=True)
print(sum(p.numel() for p in m.parameters()), len(info['missing_keys']), len(info['unexpected_keys']))
w = m.state_dict()
print(repr(float(w["model.layers.1.mlp.down_proj.weight"][3, 5])), repr(float(w["lm_head.weight"][19, 15])))
print(torch.isfinite(m(torch.arange(20)[None]).logits).all().item())
)PY",
                                                     dir().string())));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], fmt::format("{} 0 0", small_config().num_parameters()));
  const Weights weights{small_config()};
  const auto numbers = numbers_of(lines[1]);
  ASSERT_EQ(numbers.size(), 2u);
  EXPECT_EQ(weights.names[18].name, "model.layers.1.mlp.down_proj.weight");
  EXPECT_EQ(numbers[0], weights.values[18][3 * 24 + 5]);
  EXPECT_EQ(numbers[1], weights.values[20][19 * 16 + 15]);
  EXPECT_EQ(lines[2], "True");
}

}  // namespace
}  // namespace ropeway
