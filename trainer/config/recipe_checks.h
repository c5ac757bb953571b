// What the keys of a recipe say together: sums, orders and names that cannot be. All of it from the recipe
// alone, before a weight is read; what needs the model is check_recipe_against_model (model_facts.h).
#pragma once

#include "trainer/config/recipe.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

// ranks: of the job; 0: unknown.
void check_recipe(const Recipe& recipe, int ranks, RecipeProblems& problems);

// The parts.
void check_model(const Recipe& recipe, RecipeProblems& problems);
void check_data(const Recipe& recipe, RecipeProblems& problems);
void check_mesh(const Recipe& recipe, int ranks, RecipeProblems& problems);
void check_stage_numbers(const Recipe& recipe, RecipeProblems& problems);
void check_stage_chain(const Recipe& recipe, RecipeProblems& problems);                     // stage_chain.cc
void check_sliding_window(const Recipe& recipe, int64_t window, RecipeProblems& problems);  // 0: none
void check_windows(const Recipe& recipe, int64_t original_window, RecipeProblems& problems);

// "stages[3].steps"; "stages[3]" without a key.
std::string stage_path(size_t index, const std::string& key = "");
// The kind of a stage was understood, so that its keys mean what they should.
bool kind_is_known(size_t index, const RecipeProblems& problems);
bool is_training(StageKind kind);   // pretrain, finetune
bool is_searching(StageKind kind);  // search, readjust
int64_t length_of(
    const StageRecipe& stage);  // of training and searching stages; 0 for others or when unknown

}  // namespace ropeway
