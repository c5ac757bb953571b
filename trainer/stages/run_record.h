// What a run's folder tells about the run once it is over, or between two invocations: for whatever is made of
// its model. Reads only, and takes no lock.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/report/reporter.h"

namespace ropeway {

struct RunRecord {
  std::filesystem::path folder;
  std::string name;    // the recipe's
  std::string recipe;  // RunIdentity::lasting; its SHA-256 is that in the history of the run's factor sets
  std::string base;    // the model directory it started from; empty: pretrained in the run
  std::vector<std::string> unfinished;  // stages that are not done, in the recipe's order
  std::string of_stage;  // where the path is one stage's model or checkpoint; empty: the run's own model
  RunReport report;      // empty where there is none yet
};

// The run that `source` is the folder, the model/, a stage's model/ or a checkpoint of; none for a model that
// lies elsewhere. Throws kBadData when the run's recipe or report cannot be read.
std::optional<RunRecord> run_of(const std::filesystem::path& source);

// The name that the recipe.yaml in a model's folder gives it; "" where there is none, or another program's.
std::string recipe_name_beside(const std::filesystem::path& model);

}  // namespace ropeway
