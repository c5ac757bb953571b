// One function per kind of stage. Each does its work, leaves its files in the stage's folder, updates the
// RunState, and returns the numbers for the report. stage_runner.cc orders them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "trainer/stages/run_state.h"

namespace ropeway {

using StageNumbers = std::vector<std::pair<std::string, double>>;

// pretrain and finetune: train_stage.cc
StageNumbers run_train_stage(RunState& state, const StageRecipe& stage);
// search and readjust: search_stage.cc
StageNumbers run_search_stage(RunState& state, const StageRecipe& stage);
// evaluate_stage.cc
StageNumbers run_evaluate_stage(RunState& state, const StageRecipe& stage);

// What a finished stage left, taken over without doing it again.
void adopt_finished_stage(RunState& state, const StageRecipe& stage);

}  // namespace ropeway
