// The model that a recipe names, as the recipe wants it: with its original window and its attention. Reads no
// weights.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {

ModelConfig config_of(const ModelRecipe::Architecture& shape);

// Of a new model its shape; of an existing one what its directory says, with apply_recipe().
ConfigAndSets model_of(const Recipe& recipe);

// What the user has said of lengths beyond the model's sliding window. Throws kBadData where the family
// cannot.
void apply_sliding_window(SlidingWindowPolicy policy, ModelConfig& config);

// What the recipe says of an existing model instead of its config.json.
void apply_recipe(const ModelRecipe& recipe, ModelConfig& config);

// What of the recipe does not fit the model, as check_recipe_against_model() words it; empty: it fits.
std::vector<std::string> errors_against_model(const Recipe& recipe, const ConfigAndSets& model);

}  // namespace ropeway
