// Recipes of one stage, for Llama 3 8B's shape.
#pragma once

#include "tests/support/model_shape.h"
#include "trainer/config/recipe.h"
#include "trainer/plan/make_plan.h"
#include "trainer/plan/plan_memory.h"

namespace ropeway::testing {

inline Recipe recipe_of(const StageRecipe& stage, DType dtype = DType::kBF16) {
  Recipe recipe;
  recipe.dtype = dtype;
  recipe.stages = {stage};
  return recipe;
}

inline StageRecipe finetune(int64_t length, int64_t batch_sequences = 1) {
  StageRecipe stage;
  stage.name = "tune";
  stage.set_kind(StageKind::kFinetune);
  stage.train().length = length;
  stage.train().batch_sequences = batch_sequences;
  return stage;
}

// Of the recipe's first stage.
inline EnginePlan plan_of(const Recipe& recipe, const MeshShape& mesh, const DeviceMemory& device,
                          const ModelConfig& config = llama_8b()) {
  return make_engine_plan(config, plan_request(recipe, recipe.stages.at(0), mesh), device);
}

}  // namespace ropeway::testing
