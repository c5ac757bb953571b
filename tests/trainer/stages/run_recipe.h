// A run from opening to its closing table, as the verb does it.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"
#include "trainer/stages/open_run.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {

inline std::string run_recipe(const Recipe& recipe, Communicator& world, const RunOptions& options) {
  return run_stages(*open_run(recipe, world, options));
}

// Runs the recipe's first stage, which pretrains, and makes the recipe one over what it made, in folder/model.
inline void make_over_pretrained(Recipe& recipe, const TempDir& folder, Communicator& world) {
  run_recipe(recipe, world, {.only_stages = {recipe.stages.front().name}});
  std::filesystem::copy(folder / "run/model", folder / "model", std::filesystem::copy_options::recursive);
  recipe.model.has_architecture = false;
  recipe.model.path = (folder / "model").string();
  recipe.stages.erase(recipe.stages.begin());
}

}  // namespace ropeway
