// Variables of the environment in the values of a recipe:
//
//   ${NAME}           what the environment has under NAME; an error where it has nothing
//   ${NAME:-default}  the text `default` where NAME is not set or empty, as in a shell
//   $${               the text ${
//
// They stand in values, whole or in part, not in keys. What comes in is the text of one value and is not read as
// YAML again, so that it cannot add keys; a value made with variables counts as unquoted, since between [ ] and { }
// YAML wants ${...} in quotes.
#pragma once

#include <string>

#include "trainer/config/recipe_problems.h"
#include "trainer/config/yaml_tree.h"

namespace ropeway {

// Values that cannot be made are reported and marked as refused.
void substitute_environment(YamlNode& root, RecipeProblems& problems);

struct FromEnvironment {
  std::string variables;  // that the node and what is below it were made with, "A, B"
  bool refused = false;   // the node or something below it
};
FromEnvironment environment_of(const YamlNode& node);

}  // namespace ropeway
