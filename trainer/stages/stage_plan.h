// What each stage of a recipe will take on so many ranks: tokens, FLOPs, seconds, memory. From the formulas
// of trainer/plan and the shape of the model; nothing is run.
#pragma once

#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/plan/device_rates.h"
#include "trainer/plan/suggestions.h"
#include "trainer/plan/work_model.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// A kind of pass and how often the stage makes it, over all rows of the mesh together.
struct PlannedPass {
  Pass pass = Pass::kEvaluate;
  int64_t length = 0;      // of a sequence
  int64_t sequences = 1;   // together: those of a training step
  double short_share = 0;  // of these, windows of documents within the original window
  double count = 0;
  bool at_most = false;  // at most so many passes: a search may end earlier
  int64_t tokens = 0;    // of one
  Work work = {};        // of one, all ranks together
  double seconds = 0;    // of one, while all rows have work; 0: the device's rates are unknown
  double exposed = 0;    // of these, waiting for other ranks of the row
  double sent = 0;       // bytes that a rank sends for the attention of one sequence
};

struct StagePlan {
  std::string name;
  StageKind kind = StageKind::kEvaluate;
  std::vector<PlannedPass> passes = {};
  bool open_ended = false;  // evaluate without a limit: a window of each length is counted
  PlanMemory memory = {};
  std::string shared_out = {};  // by the ranks (plan_memory.h)
  // Host memory beside it on rank 0, which has most: the copies that checkpoints are written from while
  // training goes on.
  int64_t saving_bytes = 0;
  std::vector<Suggestion> suggestions = {};  // where it does not fit
};

struct PlanSettings {
  MeshShape mesh;
  DeviceRates device;
  int64_t memory_limit = 0;          // bytes a rank may take; 0: unknown
  std::vector<FactorSet> sets = {};  // that the model comes with
};
std::vector<StagePlan> plan_recipe(const Recipe& recipe, const ModelConfig& config,
                                   const PlanSettings& settings);

}  // namespace ropeway
