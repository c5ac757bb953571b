// The name of weights: of their content where nobody gave one, and the one they were given from then on.
#include "trainer/formats/hf/weights_name.h"

#include "tests/support/small_model.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/hf/import_hf.h"
#include "trainer/formats/hf/save_model_dir.h"

namespace ropeway {
namespace {

class WeightsName : public FolderTest {
 protected:
  ModelDir saved(const Weights& weights, const std::string& name = "", const std::string& folder = "model") {
    save_model_dir(folder_ / folder, small_config(), {make_set("8x", 2048, 8)}, weights.tensors(),
                   {.copy_small_files_from = {}, .in_force = "", .replace = true, .weights_name = name});
    return open_model_dir(folder_ / folder);
  }
};

TEST_F(WeightsName, IsOfTheContentWhereverItLies) {
  Weights weights(small_config());
  const std::string name = name_of_weights(saved(weights));
  EXPECT_EQ(name.size(), 16u);
  EXPECT_EQ(name_of_weights(saved(weights, "", "elsewhere")), name);
  EXPECT_EQ(name_of_weights("tune", weights.tensors()), "tune@" + name);
  weights.values[3][5] += 1;
  EXPECT_NE(name_of_weights(saved(weights)), name);
}

TEST_F(WeightsName, OfLargeTensorsIsASampleOfTheirMiddle) {
  ModelConfig config = small_config();
  config.vocab_size = 4096;
  Weights weights(config);
  const auto name = [&] { return name_of_weights("s", weights.tensors()); };
  const std::string before = name();
  std::vector<float>& embedding = weights.values.front();
  embedding[embedding.size() / 2] += 1;
  EXPECT_NE(name(), before);
}

TEST_F(WeightsName, StaysWithOtherTypesAndShards) {
  const ModelDir model = saved(Weights(small_config()), "tune@12");
  EXPECT_EQ(model.weights, "tune@12");
  EXPECT_EQ(name_of_weights(model), "tune@12");
  export_hf({.model = model,
             .base = folder_ / "model",
             .deployments = choose_export_factors(model.config, model.sets, {.weights = "tune@12"}),
             .dtype = DType::kBF16,
             .max_shard_bytes = 1000},
            folder_ / "out");
  EXPECT_EQ(open_model_dir(folder_ / "out").weights, "tune@12");
  import_hf_dir(folder_ / "out", folder_ / "in", {});
  EXPECT_EQ(open_model_dir(folder_ / "in").weights, "tune@12");
}

}  // namespace
}  // namespace ropeway
