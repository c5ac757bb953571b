#include "trainer/stages/stage_runner.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/gpu_check.h"
#include "trainer/stages/stages.h"
#include "trainer/stages/within_memory.h"

namespace ropeway {
namespace {

StageNumbers run_stage(RunState& state, const StageRecipe& stage) {
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

bool wanted(const RunOptions& options, const std::string& stage) {
  return options.only_stages.empty() || std::find(options.only_stages.begin(), options.only_stages.end(),
                                                  stage) != options.only_stages.end();
}

// Two checkpoints in flight with weights, masters and moments, the stage's model and the published one.
int64_t bytes_needed(const Recipe& recipe, int64_t parameters) {
  int64_t copies = 0, stages = 0;
  for (const StageRecipe& stage : recipe.stages) {
    if (!is_training(stage.kind())) continue;
    copies = std::max(copies, stage.train().keep_checkpoints + 1);
    ++stages;
  }
  return parameters * (16 * copies + 4 * (stages + 2));
}

// Every rank must find the same even when the file system shows them different things.
bool is_finished(const Recipe& recipe, Communicator& world, const StageRecipe& stage) {
  return any_rank(world, world.rank() == 0 && RunDirectory::is_done(recipe.run_dir, stage.name));
}

}  // namespace

void adopt_finished_stage(RunState& state, const StageRecipe& stage) {
  const auto folder = state.directory.stage_folder(stage.name);
  if (is_training(stage.kind())) {
    for (const FactorSet& set : open_model_dir(folder / "model").sets) state.add_set(set);
    state.current_model = folder / "model";
  } else if (is_searching(stage.kind())) {
    for (const FactorSet& set : read_factor_file(folder / "factors.json")) state.add_set(set);
  }
}

std::string run_recipe(const Recipe& recipe, Communicator& world, const RunOptions& options) {
  std::vector<const StageRecipe*> to_run;
  for (const StageRecipe& stage : recipe.stages) {
    const bool finished = !options.fresh && is_finished(recipe, world, stage);
    if (!finished && wanted(options, stage.name)) to_run.push_back(&stage);
  }
  RunInputs inputs = open_run_inputs(recipe, world, to_run);
  const RunDirectory directory(recipe, world, options.fresh,
                               bytes_needed(recipe, inputs.config.num_parameters()));
  RunState state(recipe, world, std::move(inputs), directory, options);
  if (options.gpus != nullptr) {
    check_gpu_attention(*options.gpus, state.config, recipe, state.mesh.shape(), to_run);
  }

  for (const StageRecipe& stage : recipe.stages) {
    if (is_finished(recipe, world, stage)) {
      if (world.rank() == 0) log_info("{}: finished earlier, skipped", stage.name);
      adopt_finished_stage(state, stage);
      continue;
    }
    if (!wanted(options, stage.name)) continue;
    if (world.rank() == 0)
      log_info("stage {} ({}) on {} rank(s)", stage.name, word_of(stage.kind()), world.size());
    const auto start = std::chrono::steady_clock::now();
    const StageNumbers numbers = within_memory(state, stage, [&] { return run_stage(state, stage); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    state.reporter->stage({.name = stage.name,
                           .kind = std::string(word_of(stage.kind())),
                           .seconds = seconds,
                           .ranks = world.size(),
                           .numbers = numbers});
    if (stage.kind() != StageKind::kEvaluate) state.publish_model();
    run_on_rank(world, 0, [&] {
      state.reporter->write_report(state.config.original_window);
      nlohmann::json record{{"stage", stage.name}, {"kind", word_of(stage.kind())}, {"seconds", seconds}};
      for (const auto& [key, value] : numbers) record[key] = value;
      directory.mark_done(stage.name, record.dump(2));
    });
  }
  return world.rank() == 0 ? state.reporter->table() : "";
}

}  // namespace ropeway
