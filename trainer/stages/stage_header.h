// What a stage is about to do, in a line: from what, why, and how much of it.
#pragma once

#include <string>

#include "trainer/config/recipe.h"

namespace ropeway {

// "stage tune_8x (finetune) on 2 rank(s): 4 of 11; from searched_8x to tuned_8x, so that the weights fit its factors;
// 120 steps of 4 x 2K, 983K tokens"
std::string stage_header(const Recipe& recipe, const StageRecipe& stage, int ranks);

// "; about 2m17s, and 9m40s until the run is over"; "" where it is not known, which a number below 0 says.
std::string times_ahead(double stage_seconds, double run_seconds);

}  // namespace ropeway
