// ropeway run: every stage of a recipe, in order.
#include <algorithm>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_line.h"
#include "launch/exit_status.h"
#include "launch/rank_table.h"
#include "launch/recipe_loading.h"
#include "launch/signals.h"
#include "launch/stopping.h"
#include "launch/thread_count.h"
#include "launch/verbs.h"
#include "parallel/comm/agreement.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/device/cuda_job.h"
#include "trainer/stages/open_run.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway run RECIPE.yaml [--set KEY=VALUE ...] [--stage NAME ...] [--fresh]

Runs the stages of a recipe in order. Finished stages are skipped and the one in
flight is resumed, so the same command continues an interrupted run.

  --set KEY=VALUE   another value for a key of the recipe: mesh.sequence=4,
                    stages[1].steps=10, or by the stage's name stages.tune.steps=10
  --stage NAME      only this stage (finished ones before it are taken over);
                    may be given several times
  --fresh           moves an earlier run folder aside and starts anew
  --verify-inputs   all ranks compare all bytes of model, texts and token caches

  --time-limit TIME saves and ends with code 75 before that, 3h50m say;
                    by default before SLURM_JOB_END_TIME

SIGINT, SIGTERM and SIGUSR1 (to mpirun or a rank) save, stop and end with 75.
Everything is written to the recipe's run_dir (runs/NAME): recipe.yaml, stages/,
model/, metrics.jsonl, report.json.

examples:
  ropeway run configs/tiny_cpu.yaml
  mpirun -n 2 ropeway run configs/tiny_cpu.yaml --set stages.tune_8x.steps=10
)";

void check_stages(const Recipe& recipe, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const StageRecipe& stage : recipe.stages) names.push_back(stage.name);
  for (const std::string& name : wanted) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      fail(ErrorKind::kUsage, "--stage {}: no such stage; there are {}", name, fmt::join(names, ", "));
    }
  }
}

// Options that decide what becomes of the run's folder must be the same for all ranks.
void require_same_options(bool fresh, const std::vector<std::string>& stages, Communicator& world) {
  std::vector<std::string> options;
  if (fresh) options.emplace_back("--fresh");
  for (const std::string& stage : stages) options.push_back("--stage " + stage);
  require_agreement(world, ErrorKind::kLauncher, "were given different options",
                    {{"options", options.empty() ? "neither --fresh nor --stage"
                                                 : fmt::format("{}", fmt::join(options, " "))}});
}

// The watching thread's way to a person, and out.
WatchCallbacks watch_callbacks(MpiSession& job) {
  const int code = static_cast<int>(ErrorKind::kPeer);
  return {.host = job.host_name(),
          .tell =
              [code](const std::string& message) {
                print_error({code, message});
              },
          .end_job = [&job, code] { job.world().abort(code); },
          .is_stopping = stop_requested};
}

}  // namespace

void run_verb(const Arguments& arguments, MpiSession& job) {
  Communicator& world = job.world();
  CommandLine line{kHelp, "RECIPE.yaml", {}};
  line.options.add_options()("set", po::value<std::vector<std::string>>()->composing(), "")(
      "stage", po::value<std::vector<std::string>>()->composing(), "")("fresh", po::bool_switch(), "")(
      "time-limit", po::value<std::string>()->default_value(""), "")("verify-inputs", po::bool_switch(), "");
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (world.rank() == 0) std::cout << line.help;
    return;
  }
  const auto list = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::vector<std::string>>() : std::vector<std::string>{};
  };
  const Recipe recipe = load_recipe_on_all_ranks(values["RECIPE.yaml"].as<std::string>(), list("set"), world);
  check_stages(recipe, list("stage"));
  require_same_options(values["fresh"].as<bool>(), list("stage"), world);
  StopAgreement& stop = Stopping::of_verb();
  limit_time(stop, values["time-limit"].as<std::string>(), world.rank() == 0);
  std::unique_ptr<CudaJob> gpus;
  if (recipe.device == DeviceKind::kCuda) {
    gpus = std::make_unique<CudaJob>(
        job, NcclOptions{.hang_seconds = static_cast<double>(recipe.engine.hang_seconds)});
  } else {
    log_thread_count();
  }
  auto run = open_run(recipe, world,
                      {.only_stages = list("stage"),
                       .fresh = values["fresh"].as<bool>(),
                       .stop_requested = stop_requested,
                       .gpus = gpus.get(),
                       .command = command_text("run", arguments),
                       .watch = watch_callbacks(job),
                       .verify_inputs = values["verify-inputs"].as<bool>()});
  tell_of_ranks(
      world,
      own_seat(job.host_name(), gpus ? fmt::format("{}: {}", gpus->info().index, gpus->info().name) : ""),
      recipe.mesh.sequence > 0 ? recipe.mesh.sequence : world.size() / recipe.mesh.data);
  const std::string table = run_stages(*run);
  run.reset();  // before the GPUs are given back
  if (gpus) gpus->close();
  if (world.rank() == 0) std::cout << table;
}

}  // namespace ropeway
