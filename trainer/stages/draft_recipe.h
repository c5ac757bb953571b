// A first recipe for a model, a length and a number of ranks: what to tune at, how to share the ranks out, how many
// sequences per step, how to search, how often to save. Each decided by plans of the whole recipe.
#pragma once

#include <string>

#include "trainer/config/recipe.h"
#include "trainer/stages/plan_choices.h"

namespace ropeway {

struct DraftRequest {
  std::string name, model_path;
  ModelConfig config;
  int64_t target = 0;  // tokens
  int ranks = 1;
  PlanSettings settings;  // device and memory; the mesh is decided
};

struct RecipeDraft {
  Recipe recipe;
  int64_t window = 0;         // what is readjusted for: the original window, as a power of two
  int64_t tuned_length = 0;   // of training sequences
  int64_t wanted_length = 0;  // it was begun with; more than tuned_length where that did not fit
  size_t meshes_that_fit = 0, meshes = 0;
  int64_t checkpoint_every = 0;  // steps
  double seconds_per_step = 0;   // of training; 0: the device's rates are unknown
  double search_seconds = 0;     // of all searches
  double gradient_seconds = 0;   // that they would take with gradient steps
  std::vector<StagePlan> stages;
  PlanTotals totals;
};
// Throws kUsage for a target that is not beyond the window, kMemory where nothing fits.
RecipeDraft draft_recipe(const DraftRequest& request);

}  // namespace ropeway
