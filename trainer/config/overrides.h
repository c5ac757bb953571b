// Values given on the command line, `path=value`, written into the YAML tree before it is read, so that they
// pass the very same checks. Paths: `mesh.sequence`, `stages[1].steps`, `stages.tune_2k.steps` (a stage by
// its name), `data.train[0]`. The value is YAML: `4`, `256K`, `[256, 2K]`, `{data: 2, sequence: 2}`.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/recipe_problems.h"
#include "trainer/config/yaml_tree.h"

namespace ropeway {

void apply_overrides(YamlNode& root, const std::vector<std::string>& overrides, RecipeProblems& problems);

}  // namespace ropeway
