// A base that was itself trained under factors (Llama 3.1): a search from none starts from these, as a second
// search does from tuned ones, and what is saved has both.
#include <nlohmann/json.hpp>

#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

TEST(Llama3Base, ASearchFromNoneStretchesItsFactors) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain + kSearchWide);
  const auto world = make_world_of_one();
  make_over_pretrained(recipe, folder, *world);
  auto config = nlohmann::json::parse(read_bytes(folder / "model/config.json"));
  config.erase("rope_parameters");
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 4},
                            {"low_freq_factor", 1},
                            {"high_freq_factor", 2},
                            {"original_max_position_embeddings", 8}};
  write_bytes(folder / "model/config.json", config.dump());
  fs::remove(folder / "model/rope_factors.json");
  const std::vector<double> base = open_model_dir(folder / "model").sets.at(0).factors;

  run_recipe(recipe, *world, {.fresh = true});
  const ModelDir found = open_model_dir(folder / "run/model");
  const FactorSet* wide = find_factor_set(found.sets, "wide");
  ASSERT_NE(wide, nullptr);
  for (size_t i = 0; i < base.size(); ++i) EXPECT_GE(wide->factors[i], base[i] - 1e-9) << i;
  // For programs that read config.json alone: the base's factors below the window, the new ones above.
  const ParsedConfig shown = read_hf_config(folder / "run/model/config.json");
  ASSERT_EQ(shown.sets.size(), 2u);
  EXPECT_EQ(shown.sets[0].factors, base);
  EXPECT_EQ(shown.sets[1].factors, wide->factors);
}

}  // namespace
}  // namespace ropeway
