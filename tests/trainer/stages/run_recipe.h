// A run from opening to its closing table, as the verb does it.
#pragma once

#include <string>

#include "trainer/stages/open_run.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {

inline std::string run_recipe(const Recipe& recipe, Communicator& world, const RunOptions& options) {
  return run_stages(*open_run(recipe, world, options));
}

}  // namespace ropeway
