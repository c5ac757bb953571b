// Choices of the engine that must not change what a run makes.
#include <nlohmann/json.hpp>

#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"

namespace ropeway {
namespace {

std::string weights_made_with(ActivationsPlace activations) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain);
  recipe.model.architecture.num_layers = 6;
  recipe.engine.activations = activations;
  run_recipe(recipe, *make_world_of_one(), {});
  return read_bytes(folder / "run/model/model.safetensors");
}

TEST(EngineChoices, ActivationsInHostMemoryGiveTheSameWeights) {
  const std::string resident = weights_made_with(ActivationsPlace::kDevice);
  EXPECT_EQ(weights_made_with(ActivationsPlace::kHost), resident);
  EXPECT_EQ(weights_made_with(ActivationsPlace::kAuto), resident);
}

TEST(EngineChoices, TheReportTellsMemoryOfEveryStage) {
  const TempDir folder;
  write_text(folder, 1000);
  const Recipe recipe = recipe_in(
      folder, kPretrain +
                  "  - {name: wide, kind: search, from: none, makes: wide, length: 128, documents: 2, "
                  "finalist_documents: 1, gradient_steps: 2}\n"
                  "  - {name: scores, kind: evaluate, lengths: [64], factors: [wide], tasks: "
                  "[perplexity], windows: 1}\n");
  run_recipe(recipe, *make_world_of_one(), {});
  const auto report = nlohmann::json::parse(read_bytes(folder / "run/report.json"));
  ASSERT_EQ(report["stages"].size(), 3u);
  for (const nlohmann::json& stage : report["stages"]) {
    EXPECT_GT(stage.at("memory_bytes_weights"), 0) << stage;
    EXPECT_GT(stage.at("memory_bytes_transients"), 0) << stage;
    EXPECT_EQ(stage.at("memory_bytes_ring"), 0) << stage;
    EXPECT_EQ(stage.at("memory_bytes_checkpoints") > 0, stage.at("kind") != "evaluate") << stage;
    EXPECT_EQ(stage.contains("memory_bytes_gradients"), stage.at("kind") == "pretrain") << stage;
  }
}

}  // namespace
}  // namespace ropeway
