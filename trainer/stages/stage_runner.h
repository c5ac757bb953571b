// Runs a recipe: stages in order, finished ones skipped, the one in flight resumed.
//
//   <run_dir>/recipe.yaml              the resolved recipe; another recipe is refused, with the difference
//             stages/<name>/done.json  written last: the stage is finished
//             stages/<name>/           search.jsonl, checkpoints/, factors.json, figures.json, model/
//             model/                   the model as of the last finished stage, with rope_factors.json
//             metrics.jsonl, report.json, TensorBoard event files
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "parallel/device/cuda_job.h"

namespace ropeway {

struct Recipe;

struct RunOptions {
  std::vector<std::string> only_stages = {};  // names of the recipe's; empty: all
  bool fresh = false;                         // move an earlier run directory aside first
  std::function<bool()> stop_requested = {};  // polled; true: save and throw kStopped
  CudaJob* gpus = nullptr;                    // where tensors live; null: in host memory
};
// Collective. Returns the closing table (rank 0; "" elsewhere).
std::string run_recipe(const Recipe& recipe, Communicator& world, const RunOptions& options);

}  // namespace ropeway
