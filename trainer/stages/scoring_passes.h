// How many forward passes an evaluate stage takes, by their length: counted from the recipe.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/config/evaluate_recipe.h"
#include "trainer/family/model_config.h"

namespace ropeway {

struct ScoringPasses {
  int64_t length = 0;
  double count = 0;  // under all factor sets together
};
// A text without a limit is counted with one window (is_limited); questions as windows full of them. Throws what
// read_choice_task throws.
std::vector<ScoringPasses> scoring_passes(const EvaluateRecipe& evaluate, const ModelConfig& config);

// Whether something limits the windows that are scored.
bool is_limited(const EvaluateRecipe& evaluate);

}  // namespace ropeway
