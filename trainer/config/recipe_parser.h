// YAML to Recipe. Strict: unknown, duplicate and mistyped keys, values out of range and impossible
// combinations are all collected, each as `file:line:column: key: found …, wanted …`, with the nearest known
// key for a misspelt one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/config/recipe.h"

namespace ropeway {

struct ParseRecipeOptions {
  // "stages[1].learning_rate=1e-5", "mesh.sequence=4", "stages.tune.steps=10"
  std::vector<std::string> overrides;
  int ranks = 0;                     // of the job; 0: unknown, and the mesh is not checked against it
  std::string override_prefix = "";  // before an override in messages: how the user wrote it
};
struct RecipeResult {
  Recipe recipe;
  std::vector<std::string> errors;  // empty: the recipe is good
};
// Never throws for what is in the file. Throws kMissingInput when it is not there or not readable.
RecipeResult parse_recipe(const std::filesystem::path& file, const ParseRecipeOptions& options = {});

}  // namespace ropeway
