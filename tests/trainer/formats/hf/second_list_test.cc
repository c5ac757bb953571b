// LongRoPE in a config.json whose max_position_embeddings is the original window (MiniCPM4, and models whose
// rope_scaling alone was edited): the short list up to the window, the long one beyond, as in transformers.
#include <nlohmann/json.hpp>

#include "tests/support/small_model.h"
#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/rope/auto_factors.h"

namespace ropeway {
namespace {

using nlohmann::json;
using Factors = std::vector<double>;

class SecondList : public FolderTest {
 protected:
  SecondList() {
    std::filesystem::create_directories(folder_ / "model");
    json config = json::parse(write_hf_config(small_config(), nullptr, nullptr, "float32"));
    config.erase("rope_parameters");
    config["rope_scaling"] = {{"rope_type", "longrope"},
                              {"short_factor", kShort},
                              {"long_factor", kLong},
                              {"factor", 4.0},
                              {"original_max_position_embeddings", 256}};
    write_bytes(folder_ / "model/config.json", config.dump());
    write_safetensors(folder_ / "model/model.safetensors", Weights(small_config()).tensors());
  }
  static Factors at(const ModelDir& model, int64_t length) {
    return auto_factor_set(model.sets, model.weights, model.config.rope_geometry(), length).factors;
  }

  const Factors kShort{1, 1.5}, kLong{1, 8};
};

TEST_F(SecondList, IsForWhatLiesBeyondTheWindow) {
  const ModelDir model = open_model_dir(folder_ / "model");
  EXPECT_EQ(at(model, 255), kShort);
  EXPECT_EQ(at(model, 256), kShort);
  EXPECT_EQ(at(model, 257), kLong);
  EXPECT_EQ(at(model, 1024), kLong);
}

TEST_F(SecondList, IsExportedAsOne) {
  const ModelDir model = open_model_dir(folder_ / "model");
  const auto deployments = choose_export_factors(model.config, model.sets, {});
  ASSERT_EQ(deployments.size(), 1u);
  EXPECT_EQ(deployments[0].short_set.factors, kShort);
  EXPECT_EQ(deployments[0].long_set->factors, kLong);
  export_hf({.model = model, .base = folder_ / "model", .deployments = deployments}, folder_ / "out");
  const ModelDir exported = open_model_dir(folder_ / "out");
  const json rope = json::parse(read_bytes(folder_ / "out/config.json")).at("rope_scaling");
  EXPECT_EQ(rope.at("short_factor"), kShort);
  EXPECT_EQ(rope.at("long_factor"), kLong);
  EXPECT_EQ(at(exported, 256), kShort);
  EXPECT_EQ(at(exported, 257), kLong);
  std::filesystem::remove(folder_ / "out/rope_factors.json");  // what config.json says alone
  EXPECT_EQ(at(open_model_dir(folder_ / "out"), 256), kShort);
  EXPECT_EQ(at(open_model_dir(folder_ / "out"), 257), kLong);
  const double temperature = model.sets.back().attention_temperature;  // sqrt(1 + ln 4 / ln 256)
  EXPECT_NEAR(temperature, std::sqrt(1 + std::log(4) / std::log(256)), 1e-12);
  EXPECT_EQ(open_model_dir(folder_ / "out").sets.back().attention_temperature, temperature);
}

}  // namespace
}  // namespace ropeway
