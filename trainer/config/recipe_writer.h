// Recipe to YAML, and what every key means.
#pragma once

#include <string>

#include "trainer/config/recipe.h"

namespace ropeway {

// The resolved recipe as YAML: every key with its value. Parsing it gives the same Recipe.
std::string recipe_to_yaml(const Recipe& recipe);

// Every key a recipe may hold: its type, default, range, the kinds of stage it is for, and what it means.
// Written from the same table that the parser reads.
std::string recipe_reference();

}  // namespace ropeway
