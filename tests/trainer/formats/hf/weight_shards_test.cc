// Weights in shards with an index, and the comparison with what was to be written.
#include "trainer/formats/hf/weight_shards.h"

#include <nlohmann/json.hpp>

#include "tests/support/small_model.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/safetensors/convert_elements.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {
namespace {

class WeightShardsTest : public FolderTest {
 protected:
  WeightShardsTest() {
    save_model_dir(folder_ / "source", small_config(), {}, Weights(small_config()).tensors(), {});
    std::filesystem::create_directories(target());
    std::filesystem::copy(folder_ / "source/config.json", target() / "config.json");
  }
  std::filesystem::path target() const { return folder_ / "target"; }
  std::vector<std::string> weight_names_in_target() const {
    std::vector<std::string> names = names_in(target());
    std::erase(names, "config.json");
    return names;
  }
};

TEST_F(WeightShardsTest, WithinTheLimitThereIsOneFile) {
  const ModelDir source = open_model_dir(folder_ / "source");
  const auto streams = weight_streams(source, {});
  write_weight_shards(target(), streams, bytes_of_all(streams));
  EXPECT_EQ(weight_names_in_target(), std::vector<std::string>{"model.safetensors"});
  EXPECT_EQ(open_model_dir(target()).shards.at(0).metadata().at("format"), "pt");
}

TEST_F(WeightShardsTest, ShardsHoldAtMostTheLimitAndTheIndexNamesThem) {
  const ModelDir source = open_model_dir(folder_ / "source");
  const auto streams = weight_streams(source, {});
  constexpr int64_t kLimit = 3000;
  write_weight_shards(target(), streams, kLimit);
  const auto index = nlohmann::json::parse(read_bytes(target() / "model.safetensors.index.json"));
  EXPECT_EQ(index.at("metadata").at("total_size"), bytes_of_all(streams));
  EXPECT_EQ(index.at("weight_map").size(), streams.size());
  const ModelDir written = open_model_dir(target());  // checks that index and shards agree
  ASSERT_GT(written.shards.size(), 2u);
  for (size_t i = 0; i < written.shards.size(); ++i) {
    EXPECT_EQ(written.shards[i].path().filename(),
              fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, written.shards.size()));
    EXPECT_EQ(written.shards[i].metadata().at("format"), "pt");
    int64_t bytes = 0;
    for (const auto& [name, info] : written.shards[i].tensors()) bytes += info.end - info.begin;
    EXPECT_LE(bytes, kLimit);
  }
  EXPECT_NO_THROW(verify_weights(written, streams));
}

TEST_F(WeightShardsTest, ATensorBeyondTheLimitHasAShardOfItsOwn) {
  const ModelDir source = open_model_dir(folder_ / "source");
  const auto streams = weight_streams(source, {});
  write_weight_shards(target(), streams, 1);
  EXPECT_EQ(open_model_dir(target()).shards.size(), streams.size());
}

TEST_F(WeightShardsTest, AChangedByteIsFoundAndItsTensorNamed) {
  const ModelDir source = open_model_dir(folder_ / "source");
  const auto streams = weight_streams(source, DType::kBF16);
  write_weight_shards(target(), streams);
  std::string bytes = read_bytes(target() / "model.safetensors");
  bytes.back() ^= 1;
  write_bytes(target() / "model.safetensors", bytes);
  // Elements of one width go by name: the last bytes are those of the final norm.
  expect_error(ErrorKind::kIo, {"target/model.safetensors", "'model.norm.weight'"},
               [&] { verify_weights(open_model_dir(target()), streams); });
}

TEST_F(WeightShardsTest, CopiesOfATiedHeadAndOldBuffersAreNoWeights) {
  const ModelConfig tied = small_config(true);
  Weights untied{small_config()};
  untied.values.back() = untied.values.front();
  auto tensors = untied.tensors();
  tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {2}, tensors[0].data});
  write_bytes(folder_ / "source/config.json", write_hf_config(tied, nullptr, nullptr, "float32"));
  write_safetensors(folder_ / "source/model.safetensors", tensors);
  const ModelDir source = open_model_dir(folder_ / "source");
  EXPECT_EQ(weight_streams(source, {}).size(), weight_names(tied).size());
}

TEST_F(WeightShardsTest, AValueBeyondTheRangeIsNamedWithItsTensor) {
  Weights weights(small_config());
  weights.values[3][5] = 70000;
  save_model_dir(folder_ / "source", small_config(), {}, weights.tensors(),
                 {.copy_small_files_from = {}, .in_force = "", .replace = true});
  const ModelDir source = open_model_dir(folder_ / "source");
  expect_error(
      ErrorKind::kBadData,
      {"source/model.safetensors", "'model.layers.0.self_attn.k_proj.weight'", "element 5 is 70000", "F16"},
      [&] { write_weight_shards(target(), weight_streams(source, DType::kF16)); });
}

}  // namespace
}  // namespace ropeway
