// Opens a run: its inputs are read and checked, its folder is taken, and what is left to do is known. Nothing is
// written before all of a recipe's inputs are found good.
//
//   <run_dir>/recipe.yaml              the resolved recipe; another recipe is refused, with the difference
//             stages/<name>/done.json  written last: the stage is finished
//             stages/<name>/           search.jsonl, checkpoints/, factors.json, figures.json, model/
//             model/                   the model as of the last finished stage, with rope_factors.json
//             metrics.jsonl, report.json, TensorBoard event files
//             logs/rank-N.log          what each rank said, with the time
//             board/rank-N             where each rank is, for as long as the run is at work
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "parallel/device/cuda_job.h"
#include "trainer/stages/run_state.h"
#include "trainer/stages/run_watch.h"

namespace ropeway {

struct RunOptions {
  std::vector<std::string> only_stages = {};  // names of the recipe's; empty: all
  bool fresh = false;                         // move an earlier run directory aside first
  std::function<bool()> stop_requested = {};  // polled; true: save and throw kStopped
  StopAgreement* stop = nullptr;              // by which a training step may be abandoned
  CudaJob* gpus = nullptr;                    // where tensors live; null: in host memory
  std::string command = {};                   // that started the process, for the run's report
  WatchCallbacks watch = {};                  // of the watch over ranks that hang
  bool verify_inputs = false;                 // all ranks compare all bytes of what they read
};
// Collective. The recipe must outlive what is returned. Throws what open_run_inputs() and RunDirectory throw.
std::unique_ptr<RunState> open_run(const Recipe& recipe, Communicator& world, const RunOptions& options);

}  // namespace ropeway
