// What the keys of a recipe say together: sums, orders and names that cannot be. All of it from the recipe
// alone, before a weight is read; what needs the model is check_recipe_against_model (model_facts.h).
#pragma once

#include <cstdint>
#include <string>

#include "trainer/config/recipe.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

// ranks: of the job; 0: unknown.
void check_recipe(const Recipe& recipe, int ranks, RecipeProblems& problems);

// Lengths against the model's sliding window; 0: it has none.
void check_sliding_window(const Recipe& recipe, int64_t window, RecipeProblems& problems);

// "stages[3].steps"; "stages[3]" without a key.
std::string stage_path(size_t index, const std::string& key = "");
// "stages[3].length", of a stage that evaluates "stages[3].lengths".
std::string length_path(size_t index, const StageRecipe& stage);
// True when the kind of a stage was understood, so that its keys mean what they should.
bool kind_is_known(size_t index, const RecipeProblems& problems);

}  // namespace ropeway
