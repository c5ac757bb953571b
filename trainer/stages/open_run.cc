#include "trainer/stages/open_run.h"

#include <algorithm>

#include "kernels/base/log_output.h"
#include "parallel/board/hang_watch.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/stages/gpu_check.h"
#include "trainer/stages/input_agreement.h"
#include "trainer/stages/run_directory.h"
#include "trainer/stages/run_inputs.h"
#include "trainer/stages/stage_room.h"

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

// What each rank says, kept with the run: logs/rank-0.log, ...
void open_rank_log(const RunDirectory& directory, Communicator& world) {
  const std::filesystem::path folder = directory.path() / "logs";
  std::error_code ignored;  // opening the file tells
  if (world.rank() == 0) std::filesystem::create_directory(folder, ignored);
  world.barrier();
  open_log_file((folder / fmt::format("rank-{}.log", world.rank())).string());
}

}  // namespace

std::unique_ptr<RunState> open_run(const Recipe& recipe, Communicator& world, const RunOptions& options) {
  auto stages = stages_of_run(recipe, world, options);
  std::vector<const StageRecipe*> to_run;
  for (const StageOfRun& stage : stages) {
    if (!stage.finished) to_run.push_back(stage.recipe);
  }
  RunInputs inputs = open_run_inputs(recipe, world, to_run);
  require_same_inputs(inputs, world, options.verify_inputs);
  const ModelBytes model = model_bytes(inputs.config, recipe.dtype, inputs.base_model);
  const RunIdentity identity = identity_of(recipe);
  const int64_t bytes =
      bytes_still_needed(options.fresh ? std::filesystem::path() : identity.folder, to_run, model);
  auto directory = std::make_unique<RunDirectory>(identity, world, options.fresh, bytes);
  auto watch =
      watch_ranks(directory->path(), world, static_cast<double>(recipe.engine.hang_seconds), options.watch);
  open_rank_log(*directory, world);
  auto run =
      std::make_unique<RunState>(recipe, world, std::move(inputs), std::move(directory), std::move(stages),
                                 options.stop_requested, options.stop, options.gpus, options.command);
  run->watch = std::move(watch);
  if (options.gpus != nullptr) {
    check_gpu_attention(*options.gpus, run->config, recipe, run->mesh.shape(), to_run);
  }
  return run;
}

}  // namespace ropeway
