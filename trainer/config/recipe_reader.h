// The YAML tree into the plain structs, key by key after the table of recipe_keys.h. Only what one key says
// by itself is checked here; what keys say together is in recipe_checks.h.
#pragma once

#include "trainer/config/recipe.h"
#include "trainer/config/recipe_problems.h"
#include "trainer/config/yaml_tree.h"

namespace ropeway {

// Fills `recipe` (its places as well, which `problems` shows).
void read_recipe(const YamlNode& root, Recipe& recipe, RecipeProblems& problems);

}  // namespace ropeway
