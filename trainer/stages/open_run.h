// Opens a run: its inputs are read and checked, it is decided what becomes of each stage, and its folder is
// taken. Nothing is written before all of a recipe's inputs are found good.
//
//   <run_dir>/recipe.yaml              the resolved recipe
//             stages/<name>/begun.json what the stage works from (stage_identity.h): changes are found
//                           done.json  written last: the stage is finished
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
  bool with_makers = false;                   // and the stages that these start from
  bool fresh = false;                         // move an earlier run directory aside first
  bool accept_changes =
      false;  // do stages again that are finished or half done and no longer as they are wanted
  int64_t go_back_to =
      -1;  // step of a checkpoint that a training stage is to go on from; below 0: the newest
  std::function<bool()> stop_requested = {};  // polled; true: save and throw kStopped
  StopAgreement* stop = nullptr;              // by which a training step may be abandoned
  CudaJob* gpus = nullptr;                    // where tensors live; null: in host memory
  std::string command = {};                   // that started the process, for the run's report
  WatchCallbacks watch = {};                  // of the watch over ranks that hang
  bool verify_inputs = false;                 // all ranks compare all bytes of what they read
};
// Collective. The recipe must outlive what is returned. Throws what open_run_inputs(), look_at_run() and
// RunDirectory throw; kCannotCreate, with every change, unless changes that have to be accepted are.
std::unique_ptr<RunState> open_run(const Recipe& recipe, Communicator& world, const RunOptions& options);

}  // namespace ropeway
