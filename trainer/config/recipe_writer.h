// Recipe to YAML.
#pragma once

#include <functional>
#include <string>

#include "trainer/config/recipe.h"

namespace ropeway {

struct RecipeKey;

// What stands behind a value as a comment, by the value's path: "mesh.data", "stages[1].steps".
using NoteOfValue = std::function<std::string(const std::string& path)>;

// The resolved recipe as YAML: every key with its value. Parsing it gives the same Recipe.
std::string recipe_to_yaml(const Recipe& recipe, const NoteOfValue& note_of = {});

// The value of one key as YAML; "" for a text or list that holds nothing. stage: of a key of stages.
std::string value_text(const RecipeKey& key, Recipe& recipe, StageRecipe* stage);

// What a recipe holds that leaves the key out, as YAML; "" for nothing, and for required keys.
std::string default_text(const RecipeKey& key);

}  // namespace ropeway
