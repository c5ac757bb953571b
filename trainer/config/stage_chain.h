// The order of stages: which factor sets exist when a stage begins, and which lengths may follow which.
//
//   search     not shorter than any search or fine-tune before it: shorter lengths are what readjust is for
//   finetune   not shorter than the fine-tune before it; not longer than the set it starts from. It may be
//              shorter than a search before it: several lengths are searched on the base model, and LongRoPE
//              tunes Mistral's 128K and 256K factors on sequences of 16K.
//   readjust   not longer than the set it starts from
//
// A search or readjust starts from none or from the set of a fine-tune.
#pragma once

#include "trainer/config/recipe.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

void check_stage_chain(const Recipe& recipe, RecipeProblems& problems);

}  // namespace ropeway
