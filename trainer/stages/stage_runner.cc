#include "trainer/stages/stage_runner.h"

#include <algorithm>
#include <chrono>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/files/files.h"
#include "trainer/finetune/learning_rate.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/weights_name.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/search/verdict.h"
#include "trainer/stages/run_ledger.h"
#include "trainer/stages/stage_header.h"
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
  std::vector<StageToRun> left;
  for (const StageOfRun& other : run.stages) {
    const bool is_this = other.recipe == &stage;  // whose way is clear
    if (is_this || !left.empty()) left.push_back({other.recipe, other.again && !is_this});
  }
  run_on_rank(run.mesh.world(), 0, [&] {
    const std::filesystem::path& folder = run.directory.path();
    const ModelBytes model = model_bytes(run.config, run.recipe.dtype, run.base_model);
    require_writable_folder(folder, bytes_still_needed(folder, left, model));
  });
}

// A schedule that ends with the last step is another one once there are more steps.
void tell_of_other_steps(const StageRecipe& stage, const StageOutlook& outlook) {
  if (outlook.then != StageOutlook::Then::kGoesOn) return;
  const auto steps = std::ranges::find_if(outlook.changes, [](const StageChange& change) {
    return change.kind == IdentityKind::kOption && change.key == kStepsKey;
  });
  if (steps == outlook.changes.end()) return;
  const TrainRecipe& train = stage.train();
  const std::string text = fmt::format("{}: {} steps are wanted instead of {}: goes on after step {}",
                                       stage.name, steps->now, steps->before, outlook.goes_on_after);
  if (train.schedule == LearningRateSchedule::kConstant) return log_info("{}", text);
  TrainRecipe before = train;
  before.steps = std::stoll(steps->before);
  const int64_t next = std::min(outlook.goes_on_after + 1, train.steps);
  log_info(
      "{}; the learning rate falls over all of them ({}): {:.3g} at step {}, where it would have been {:.3g}",
      text, word_of(train.schedule), learning_rate_at(train, next), next, learning_rate_at(before, next));
}

// Rank 0 writes the record that the stage begins or goes on; all ranks learn what its checkpoints are bound
// to.
void begin(RunState& run, const StageRecipe& stage) {
  Communicator& world = run.mesh.world();
  StageBinding binding;
  run_on_rank(world, 0, [&] {
    tell_of_other_steps(stage, run.ledger->outlook(stage.name));
    binding = run.ledger->begin(stage.name);
    run.reporter->replace(stage.name, {});
  });
  binding.own = broadcast_string(world, binding.own);
  const std::string earlier = broadcast_string(world, fmt::format("{}", fmt::join(binding.earlier, " ")));
  run.binding = {binding.own, split_words(earlier)};
}

// Whether a finished stage behind this one has a model or factors of its own: run_dir/model is not to lose
// them.
bool is_followed_by_finished(const RunState& run, const StageRecipe& stage) {
  bool behind = false;
  for (const StageOfRun& other : run.stages) {
    if (behind && other.finished && other.recipe->kind() != StageKind::kEvaluate) return true;
    behind = behind || other.recipe == &stage;
  }
  return false;
}

// Of a search; on rank 0, where it lies.
std::string verdict_of(const RunState& run, const StageRecipe& stage) {
  const auto path = run.directory.stage_folder(stage.name) / kVerdictFile;
  return std::filesystem::exists(path) ? read_text_file(path) : "";
}

// The record is written last: whatever stops a stage before leaves it to be done again or resumed.
void run_and_record(RunState& run, const StageRecipe& stage) {
  Communicator& world = run.mesh.world();
  const std::string_view kind = word_of(stage.kind());
  begin(run, stage);
  require_room(run, stage);
  run.reporter->begin_stage(stage.name);
  if (world.rank() == 0) {
    log_info("{}{}", stage_header(run.recipe, stage, world.size()),
             times_ahead(run.reporter->stage_left(), run.reporter->seconds_left()));
  }
  const auto start = std::chrono::steady_clock::now();
  const double started = seconds_since_1970();
  const StageNumbers numbers = within_memory(run, stage, [&] { return run_stage(run, stage); });
  const double seconds = seconds_since(start);
  const StageRecord record{.name = stage.name,
                           .kind = std::string(kind),
                           .seconds = seconds,
                           .started = started,
                           .ranks = world.size(),
                           .numbers = numbers,
                           .verdict = verdict_of(run, stage)};
  run.reporter->stage(record);
  if (stage.kind() != StageKind::kEvaluate && !is_followed_by_finished(run, stage)) run.publish_model();
  run_on_rank(world, 0, [&] {
    run.reporter->write_report(run.config.original_window);
    run.ledger->finish(record, run.reporter->report_of(stage.name));
  });
}

// The report has what its stages recorded, whatever became of the file.
void take_over(RunState& run, const StageRecipe& stage) {
  Communicator& world = run.mesh.world();
  if (world.rank() == 0) log_info("{}: finished earlier, skipped", stage.name);
  run_on_rank(world, 0, [&] {
    const RunReport report = run.ledger->take_over(stage.name);
    if (!report.stages.empty()) run.reporter->replace(stage.name, report);
  });
  adopt_finished_stage(run, stage);
}

}  // namespace

void adopt_finished_stage(RunState& state, const StageRecipe& stage) {
  const auto folder = state.directory.stage_folder(stage.name);
  if (is_training(stage.kind())) {
    const ModelDir made = open_model_dir(folder / "model");
    // Others in its file may have been found anew since.
    if (const FactorSet* own = find_factor_set(made.sets, stage.makes)) state.add_set(*own);
    state.current_model = folder / "model";
    state.current_weights = name_of_weights(made);
  } else if (is_searching(stage.kind())) {
    for (const FactorSet& set : read_factor_file(folder / "factors.json").sets) state.add_set(set);
  }
}

std::string run_stages(RunState& run) {
  Communicator& world = run.mesh.world();
  std::vector<std::string> names;
  for (const StageRecipe& stage : run.recipe.stages) names.push_back(stage.name);
  run.reporter->keep_only(names);
  bool has_run = false;
  for (const StageOfRun& stage : run.stages) {
    if (stage.finished) {
      take_over(run, *stage.recipe);
    } else {
      run_and_record(run, *stage.recipe);
      has_run = true;
    }
  }
  // What was published, if anything, is without the stages behind it that were finished before.
  if (has_run && run.stages.back().finished) run.publish_model();
  run_on_rank(world, 0, [&] { run.reporter->write_report(run.config.original_window); });
  return world.rank() == 0 ? run.reporter->table() : "";
}

}  // namespace ropeway
