// A recipe planned on a machine: what `ropeway plan` prints and what `ropeway new` decides by.
#pragma once

#include <string>
#include <vector>

#include "launch/measured_run.h"
#include "trainer/family/model_config.h"
#include "trainer/stages/plan_choices.h"

namespace ropeway {

struct PlanResult {
  Recipe recipe;
  ModelConfig config;
  PlanSettings settings;
  int ranks = 1;
  std::vector<std::string> notes = {};  // what a reader has to know: a shape that was taken for a folder, ...
  std::vector<StagePlan> stages = {};
  std::vector<MeshChoice> meshes = {};
  std::vector<SearchChoice> searches = {};
  MeasuredRun measured = {};  // of a run that is planned after the event

  PlanTotals totals() const { return totals_of(stages, settings.memory_limit); }
};

struct PlanQuestion {
  Recipe recipe;
  int gpus = 0;  // 0: those of the mesh
  DeviceRates device;
  std::string shape;  // of another model than the recipe's (model_shape.h)
  MeasuredRun measured;
};
// The shape of a known model stands for a model folder that is not there. Throws kMissingInput where none is known,
// kConfig where the recipe does not fit the model.
PlanResult plan_result(PlanQuestion question);

}  // namespace ropeway
