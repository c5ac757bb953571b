// Which stages a stage of a recipe starts from: who makes its weights, its factors, and the figures that its
// gate compares with. From the recipe alone.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/stages/stage_identity.h"

namespace ropeway {

inline constexpr const char* kWeightsInput = "weights";

// Of stage `index`, without what was made. What the recipe's model brings along has no maker and is not
// listed. window: the model's original one.
std::vector<StageInput> inputs_of_stage(const Recipe& recipe, size_t index, int64_t window);

// Whether the stage works on the weights that the recipe begins with.
bool works_on_base_weights(const Recipe& recipe, size_t index);

}  // namespace ropeway
