#include "trainer/stages/stage_runner.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/board/position.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/weights_name.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/stage_room.h"
#include "trainer/stages/stages.h"
#include "trainer/stages/within_memory.h"

namespace ropeway {
namespace {

Phase phase_of(StageKind kind) {
  if (is_training(kind)) return Phase::kTraining;
  return is_searching(kind) ? Phase::kSearch : Phase::kEvaluation;
}

StageNumbers run_stage(RunState& state, const StageRecipe& stage) {
  Position::here().set_stage(stage.name);
  const InPhase working(phase_of(stage.kind()));
  switch (stage.kind()) {
    case StageKind::kPretrain:
    case StageKind::kFinetune:
      return run_train_stage(state, stage);
    case StageKind::kSearch:
    case StageKind::kReadjust:
      return run_search_stage(state, stage);
    case StageKind::kEvaluate:
      return run_evaluate_stage(state, stage);
  }
  fail(ErrorKind::kInternal, "stage {}: unknown kind", stage.name);
}

// For this stage and those after it: what was free when the run began may be gone.
void require_room(RunState& run, const StageRecipe& stage) {
  std::vector<const StageRecipe*> left;
  for (const auto& [recipe, finished] : run.stages) {
    if (recipe == &stage || !left.empty()) left.push_back(recipe);
  }
  run_on_rank(run.mesh.world(), 0, [&] {
    const std::filesystem::path& folder = run.directory.path();
    const ModelBytes model = model_bytes(run.config, run.recipe.dtype, run.base_model);
    require_writable_folder(folder, bytes_still_needed(folder, left, model));
  });
}

// The record is written last: whatever stops a stage before leaves it to be done again or resumed.
void run_and_record(RunState& run, const StageRecipe& stage) {
  Communicator& world = run.mesh.world();
  const std::string_view kind = word_of(stage.kind());
  require_room(run, stage);
  if (world.rank() == 0) log_info("stage {} ({}) on {} rank(s)", stage.name, kind, world.size());
  const auto start = std::chrono::steady_clock::now();
  const StageNumbers numbers = within_memory(run, stage, [&] { return run_stage(run, stage); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run.reporter->stage({.name = stage.name,
                       .kind = std::string(kind),
                       .seconds = seconds,
                       .ranks = world.size(),
                       .numbers = numbers});
  if (stage.kind() != StageKind::kEvaluate) run.publish_model();
  run_on_rank(world, 0, [&] {
    run.reporter->write_report(run.config.original_window);
    nlohmann::json record{{"stage", stage.name}, {"kind", kind}, {"seconds", seconds}};
    for (const auto& [key, value] : numbers) record[key] = value;
    run.directory.mark_done(stage.name, record.dump(2));
  });
}

}  // namespace

void adopt_finished_stage(RunState& state, const StageRecipe& stage) {
  const auto folder = state.directory.stage_folder(stage.name);
  if (is_training(stage.kind())) {
    const ModelDir made = open_model_dir(folder / "model");
    for (const FactorSet& set : made.sets) state.add_set(set);
    state.current_model = folder / "model";
    state.current_weights = name_of_weights(made);
  } else if (is_searching(stage.kind())) {
    for (const FactorSet& set : read_factor_file(folder / "factors.json").sets) state.add_set(set);
  }
}

std::string run_stages(RunState& run) {
  Communicator& world = run.mesh.world();
  for (const auto& [recipe, finished] : run.stages) {
    if (finished) {
      if (world.rank() == 0) log_info("{}: finished earlier, skipped", recipe->name);
      adopt_finished_stage(run, *recipe);
    } else {
      run_and_record(run, *recipe);
    }
  }
  return world.rank() == 0 ? run.reporter->table() : "";
}

}  // namespace ropeway
