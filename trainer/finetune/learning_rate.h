// The learning rate over the steps of a training stage.
#pragma once

#include <cstdint>

#include "trainer/config/train_recipe.h"

namespace ropeway {

// Of step 1..options.steps: linear warm-up, then linear or cosine decay to the minimum, or constant.
double learning_rate_at(const TrainRecipe& options, int64_t step);

}  // namespace ropeway
