// A Hugging Face directory in: what is kept, what is left behind, and what is never touched.
#include "trainer/formats/hf/import_hf.h"

#include <limits>

#include "tests/support/small_model.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/hf/weight_shards.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImportTest : public FolderTest {
 protected:
  // A directory as another program leaves it: no rope_factors.json.
  ImportTest() {
    const FactorSet far = make_set("long", 2048, 8), near = make_set("short", 256, 1.25);
    save_model_dir(source(), small_config(), {near, far}, Weights(small_config()).tensors(), {});
    fs::remove(source() / "rope_factors.json");
    write_bytes(source() / "tokenizer.json", "{}");
    write_bytes(source() / "generation_config.json", "{\"do_sample\": true}");
  }
  fs::path source() const { return folder_ / "source"; }
  fs::path target() const { return folder_ / "models/mine"; }
  ImportResult import(const ImportOptions& options = {}) {
    return import_hf_dir(source(), target(), options);
  }
};

TEST_F(ImportTest, EverythingThatDescribesTheModelIsKeptByteForByte) {
  const ImportResult result = import();
  EXPECT_EQ(result.files.copied, 1);
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"}) {
    EXPECT_EQ(read_bytes(target() / name), read_bytes(source() / name)) << name;
    EXPECT_FALSE(fs::equivalent(target() / name, source() / name)) << name;
  }
}

TEST_F(ImportTest, TheFactorSetsOfTheConfigAreWrittenDown) {
  import();
  const auto expected = read_hf_config(source() / "config.json").sets;
  const auto written = read_factor_file(target() / "rope_factors.json").sets;
  ASSERT_EQ(written.size(), expected.size());
  for (size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(written[i].name, expected[i].name);
    EXPECT_EQ(written[i].factors, expected[i].factors);
    EXPECT_EQ(written[i].attention_temperature, expected[i].attention_temperature);
    EXPECT_EQ(written[i].max_length, expected[i].max_length);
  }
}

TEST_F(ImportTest, WeightsThatAreNotFiniteAreNamedOrRefused) {
  Weights weights{small_config()};
  weights.values[3][1] = std::numeric_limits<float>::quiet_NaN();
  weights.values[3][2] = -std::numeric_limits<float>::infinity();
  write_safetensors(source() / "model.safetensors", weights.tensors());
  expect_error(ErrorKind::kBadData,
               {source().string(), "NaN or infinite", weights.names[3].name + ": 2 values"},
               [&] { import({.finite_only = true}); });
  EXPECT_FALSE(fs::exists(target()));
  const ImportResult result = import();
  ASSERT_EQ(result.non_finite.size(), 1u);
  EXPECT_EQ(result.non_finite[0].name, weights.names[3].name);
  EXPECT_EQ(result.non_finite[0].count, 2);
}

TEST_F(ImportTest, CodeOtherWeightsAndFoldersAreLeftBehind) {
  std::string config = read_bytes(source() / "config.json");
  config.insert(1, "\"auto_map\": {\"AutoModelForCausalLM\": \"modeling_x.X\"}, \"other\": [1, 2.5],");
  write_bytes(source() / "config.json", config);
  write_bytes(source() / "tokenizer_config.json",
              "{\"auto_map\": {\"AutoTokenizer\": [\"t.T\", null]}, \"a\": 1}");
  for (const char* name :
       {"modeling_x.py", "pytorch_model.bin", "SHA256SUMS", ".gitattributes", "README.md"}) {
    write_bytes(source() / name, "x");
  }
  fs::create_directory(source() / "onnx");
  const ImportResult result = import();
  EXPECT_THAT(result.left_behind,
              ElementsAre(".gitattributes", "SHA256SUMS", "modeling_x.py", "onnx/", "pytorch_model.bin"));
  EXPECT_EQ(names_in(target()), (std::vector<std::string>{
                                    "README.md", "config.json", "generation_config.json", "model.safetensors",
                                    "rope_factors.json", "tokenizer.json", "tokenizer_config.json"}));
  EXPECT_THAT(read_bytes(target() / "config.json"), HasSubstr("\"other\""));
  for (const char* name : {"config.json", "tokenizer_config.json"}) {
    EXPECT_THAT(read_bytes(target() / name), ::testing::Not(HasSubstr("auto_map"))) << name;
  }
}

// Python and nlohmann read "auto\u005fmap" as auto_map: no spelling of the key may survive, in any file that
// transformers would look for it in. A token of that name in a vocabulary is no such key.
TEST_F(ImportTest, AnEscapedAutoMapIsLeftBehindToo) {
  const std::string code = R"("auto\u005fmap": {"AutoModel": "evil.X"}, "a\u0075to_other": 1)";
  std::string config = read_bytes(source() / "config.json");
  config.insert(1, code + ",");
  write_bytes(source() / "config.json", config);
  const std::vector<std::string> others = {"tokenizer_config.json", "generation_config.json",
                                           "preprocessor_config.json"};
  for (const std::string& name : others) write_bytes(source() / name, "{" + code + "}");
  write_bytes(source() / "vocab.json", R"({"auto_map": 0, "the": 1})");
  import();
  for (const std::string& name : others) {
    const auto document = read_strict_json(target() / name);
    EXPECT_EQ(document.keys(), std::vector<std::string>{"auto_other"}) << name;
  }
  const auto written = read_strict_json(target() / "config.json");
  EXPECT_FALSE(written.has("auto_map"));
  EXPECT_TRUE(written.has("auto_other"));
  EXPECT_EQ(read_bytes(target() / "vocab.json"), read_bytes(source() / "vocab.json"));
}

TEST_F(ImportTest, ASettingsFileThatMayNameCodeAndCannotBeReadIsLeftBehind) {
  write_bytes(source() / "tokenizer_config.json", R"({"auto\u005fmap": {"AutoTokenizer": "t.T"})");
  write_bytes(source() / "processor_config.json", "not JSON, and names nothing");
  EXPECT_THAT(import().left_behind, ElementsAre("tokenizer_config.json"));
  EXPECT_FALSE(fs::exists(target() / "tokenizer_config.json"));
  EXPECT_TRUE(fs::exists(target() / "processor_config.json"));
}

TEST_F(ImportTest, SettingsThatStopTheirReaderAreRefused) {
  std::string deep = "{\"a\": 1}";
  for (int i = 0; i < 100000; ++i) deep = "[" + deep + "]";
  const std::string large = "{\"a\": \"" + std::string(5 << 20, 'x') + "\"}";
  // Brackets in texts, behind escaped quotes too, are no levels.
  const std::string good = "{\"a\": \"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"}";
  for (const char* name : {"generation_config.json", "tokenizer_config.json"}) {
    write_bytes(source() / name, deep);
    expect_error(ErrorKind::kBadData, {name, "byte 32: nested more than 32 levels deep"}, [&] { import(); });
    write_bytes(source() / name, large);
    expect_error(ErrorKind::kBadData, {name, "5242889 bytes, at most 4194304 are read"}, [&] { import(); });
    EXPECT_FALSE(fs::exists(target()));
    write_bytes(source() / name, good);
  }
  import();
  EXPECT_EQ(read_bytes(target() / "generation_config.json"), good);
}

TEST_F(ImportTest, ShardsStayShards) {
  const ModelDir single = open_model_dir(source());
  const auto streams = weight_streams(single, {});
  write_weight_shards(folder_, streams, 4000);
  fs::remove(source() / "model.safetensors");
  int shards = 0;
  for (const std::string& name : names_in(folder_)) {
    if (!name.starts_with("model")) continue;
    fs::rename(folder_ / name, source() / name);
    ++shards;
  }
  const ImportResult result = import();
  EXPECT_EQ(result.files.copied, shards);
  EXPECT_EQ(read_bytes(target() / "model.safetensors.index.json"),
            read_bytes(source() / "model.safetensors.index.json"));
  EXPECT_NO_THROW(verify_weights(open_model_dir(target()), streams));
}

TEST_F(ImportTest, LinksAreSecondNamesOfTheSameFile) {
  // As in a download cache: the directory holds links to where the bytes are.
  fs::rename(source() / "model.safetensors", folder_ / "blob");
  fs::create_symlink(folder_ / "blob", source() / "model.safetensors");
  const ImportResult result = import({.transfer = Transfer::kLink});
  EXPECT_EQ(result.files.hard_links, 1);
  EXPECT_FALSE(fs::is_symlink(target() / "model.safetensors"));
  EXPECT_TRUE(fs::equivalent(target() / "model.safetensors", folder_ / "blob"));
}

TEST_F(ImportTest, AnotherFileSystemIsLinkedBySymbolicLinks) {
  const OtherFileSystem other(folder_);
  if (!other.usable) GTEST_SKIP() << "no other file system at " << other.path;
  fs::copy(source(), other.path / "source");
  const ImportResult result = import_hf_dir(other.path / "source", target(), {.transfer = Transfer::kLink});
  EXPECT_EQ(result.files.symbolic_links, 1);
  EXPECT_TRUE(fs::is_symlink(target() / "model.safetensors"));
  EXPECT_NO_THROW(open_model_dir(target()));
}

TEST_F(ImportTest, AnotherTypeIsWrittenAndTheConfigSaysSo) {
  import({.dtype = DType::kBF16});
  const ModelDir model = open_model_dir(target());
  EXPECT_EQ(model.dtype(), DType::kBF16);
  EXPECT_THAT(read_bytes(target() / "config.json"), HasSubstr("\"torch_dtype\": \"bfloat16\""));
}

TEST_F(ImportTest, NothingIsOverwrittenUnlessAModelIsAndThatIsMeant) {
  import();
  write_bytes(target() / "mine.txt", "x");
  expect_error(
      ErrorKind::kCannotCreate, {target().string(), "exists"}, [&] { import(); }, WayOut::kReplaceOutput);
  EXPECT_TRUE(fs::exists(target() / "mine.txt"));
  import({.replace = true});
  EXPECT_FALSE(fs::exists(target() / "mine.txt"));
  fs::remove(target() / "config.json");
  expect_error(ErrorKind::kCannotCreate, {target().string(), "not a model directory"},
               [&] { import({.replace = true}); });
  EXPECT_EQ(names_in(folder_ / "models"), std::vector<std::string>{"mine"});
}

TEST_F(ImportTest, TheSourceIsNotReplacedByItself) {
  for (const fs::path& place : {source(), folder_, folder_ / "models/../source/"}) {
    write_bytes(folder_ / "config.json", "{}");
    expect_error(ErrorKind::kCannotCreate, {"holds the source"},
                 [&] { import_hf_dir(source(), place, {.replace = true}); });
  }
  EXPECT_NO_THROW(open_model_dir(source()));
}

TEST_F(ImportTest, WhatIsWrongWithTheSourceLeavesNothing) {
  fs::resize_file(source() / "model.safetensors", fs::file_size(source() / "model.safetensors") - 1);
  expect_error(ErrorKind::kBadData, {"model.safetensors", "truncated"}, [&] { import(); });
  EXPECT_FALSE(fs::exists(folder_ / "models"));
}

}  // namespace
}  // namespace ropeway
