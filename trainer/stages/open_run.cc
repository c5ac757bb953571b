#include "trainer/stages/open_run.h"

#include "kernels/base/error.h"
#include "kernels/base/log_output.h"
#include "parallel/board/hang_watch.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/stages/gpu_check.h"
#include "trainer/stages/input_agreement.h"
#include "trainer/stages/run_directory.h"
#include "trainer/stages/run_inputs.h"
#include "trainer/stages/run_ledger.h"
#include "trainer/stages/run_outlook.h"
#include "trainer/stages/run_refusals.h"
#include "trainer/stages/stage_room.h"

namespace ropeway {
namespace {

RunChoice choice_of(const RunOptions& options) {
  return {.only_stages = options.only_stages,
          .with_makers = options.with_makers,
          .fresh = options.fresh,
          .go_back_to = options.go_back_to};
}

// On rank 0.
std::unique_ptr<RunLedger> look(const Recipe& recipe, const RunInputs& inputs, const RunOptions& options) {
  FileHashes hashes(hash_store(recipe.run_dir));
  RunOutlook outlook = look_at_run(recipe, &inputs, choice_of(options), hashes);
  if (!outlook.to_accept.empty() && !options.accept_changes) {
    throw ChangedRun(fmt::format("{}: holds a run of another recipe or of other files:\n  {}", recipe.run_dir,
                                 fmt::join(outlook.to_accept, "\n  ")));
  }
  return std::make_unique<RunLedger>(recipe.run_dir, std::move(outlook), std::move(hashes));
}

// The finished stages and those to run, in the recipe's order: every rank goes by what rank 0 found, though
// the file system may show them different things.
std::vector<StageOfRun> stages_of_run(const Recipe& recipe, Communicator& world, const RunLedger* ledger) {
  std::string fates = ledger == nullptr ? "" : ledger->fates();
  fates = broadcast_string(world, fates);
  std::vector<StageOfRun> stages;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const auto fate = static_cast<StageFate>(fates.at(i));
    if (fate == StageFate::kLeft) continue;
    stages.push_back({.recipe = &recipe.stages[i],
                      .finished = fate == StageFate::kDone,
                      .again = fate == StageFate::kAgain});
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
  RunInputs inputs = open_run_model(recipe, world);
  std::unique_ptr<RunLedger> ledger;
  run_on_rank(world, 0, [&] { ledger = look(recipe, inputs, options); });
  auto stages = stages_of_run(recipe, world, ledger.get());
  std::vector<const StageRecipe*> to_run;
  std::vector<StageToRun> to_write;
  for (const StageOfRun& stage : stages) {
    if (stage.finished) continue;
    to_run.push_back(stage.recipe);
    to_write.push_back({stage.recipe, stage.again});
  }
  open_run_texts(recipe, world, to_run, inputs);
  require_same_inputs(inputs, world, options.verify_inputs);
  const ModelBytes model = model_bytes(inputs.config, recipe.dtype, inputs.base_model);
  const RunIdentity identity = identity_of(recipe);
  const int64_t bytes =
      bytes_still_needed(options.fresh ? std::filesystem::path() : identity.folder, to_write, model);
  auto directory = std::make_unique<RunDirectory>(identity, world, options.fresh, bytes);
  auto watch =
      watch_ranks(directory->path(), world, static_cast<double>(recipe.engine.hang_seconds), options.watch);
  open_rank_log(*directory, world);
  run_on_rank(world, 0, [&] { ledger->clear_the_way(); });
  auto run = std::make_unique<RunState>(recipe, world, std::move(inputs), std::move(directory),
                                        std::move(ledger), std::move(stages), options.stop_requested,
                                        options.stop, options.gpus, options.command);
  run->watch = std::move(watch);
  if (options.gpus != nullptr) {
    check_gpu_attention(*options.gpus, run->config, recipe, run->mesh.shape(), to_run);
  }
  return run;
}

}  // namespace ropeway
