// Choices of the engine that must not change what a run makes.
#include "tests/trainer/stages/stage_case.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {
namespace {

std::string weights_made_with(const std::string& activations) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain);
  recipe.model.architecture.num_layers = 6;
  recipe.engine.activations = activations;
  run_recipe(recipe, *make_world_of_one(), {});
  return read_bytes(folder / "run/model/model.safetensors");
}

TEST(EngineChoices, ActivationsInHostMemoryGiveTheSameWeights) {
  const std::string resident = weights_made_with("device");
  EXPECT_EQ(weights_made_with("host"), resident);
  EXPECT_EQ(weights_made_with("auto"), resident);
}

}  // namespace
}  // namespace ropeway
