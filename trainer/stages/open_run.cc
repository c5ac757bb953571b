#include "trainer/stages/open_run.h"

#include <algorithm>

#include "parallel/comm/exchange_values.h"
#include "trainer/stages/gpu_check.h"
#include "trainer/stages/run_directory.h"
#include "trainer/stages/run_inputs.h"

namespace ropeway {
namespace {

// The finished stages and those that were asked for, in the recipe's order. Every rank must find the same even
// when the file system shows them different things.
std::vector<StageOfRun> stages_of_run(const Recipe& recipe, Communicator& world, const RunOptions& options) {
  const auto& wanted = options.only_stages;
  std::vector<StageOfRun> stages;
  for (const StageRecipe& stage : recipe.stages) {
    const bool finished =
        !options.fresh &&
        any_rank(world, world.rank() == 0 && RunDirectory::is_done(recipe.run_dir, stage.name));
    if (finished || wanted.empty() || std::find(wanted.begin(), wanted.end(), stage.name) != wanted.end()) {
      stages.push_back({&stage, finished});
    }
  }
  return stages;
}

// Two checkpoints in flight with weights, masters and moments, the stage's model and the published one.
int64_t bytes_needed(const std::vector<StageRecipe>& stages, int64_t parameters) {
  int64_t copies = 0, training = 0;
  for (const StageRecipe& stage : stages) {
    if (!is_training(stage.kind())) continue;
    copies = std::max(copies, stage.train().keep_checkpoints + 1);
    ++training;
  }
  return parameters * (16 * copies + 4 * (training + 2));
}

}  // namespace

std::unique_ptr<RunState> open_run(const Recipe& recipe, Communicator& world, const RunOptions& options) {
  auto stages = stages_of_run(recipe, world, options);
  std::vector<const StageRecipe*> to_run;
  for (const StageOfRun& stage : stages) {
    if (!stage.finished) to_run.push_back(stage.recipe);
  }
  RunInputs inputs = open_run_inputs(recipe, world, to_run);
  auto directory = std::make_unique<RunDirectory>(
      identity_of(recipe), world, options.fresh, bytes_needed(recipe.stages, inputs.config.num_parameters()));
  auto run =
      std::make_unique<RunState>(recipe, world, std::move(inputs), std::move(directory), std::move(stages),
                                 options.stop_requested, options.gpus, options.command);
  if (options.gpus != nullptr) {
    check_gpu_attention(*options.gpus, run->config, recipe, run->mesh.shape(), to_run);
  }
  return run;
}

}  // namespace ropeway
