// ropeway run: every stage of a recipe, in order.
#include <algorithm>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/exit_status.h"
#include "launch/rank_table.h"
#include "launch/recipe_loading.h"
#include "launch/run_company.h"
#include "launch/signals.h"
#include "launch/status_text.h"
#include "launch/stopping.h"
#include "launch/thread_count.h"
#include "launch/verbs.h"
#include "parallel/comm/agreement.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/device/cuda_job.h"
#include "trainer/config/mesh_ranks.h"
#include "trainer/stages/open_run.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

std::vector<std::string> names_of(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const StageRecipe& stage : recipe.stages) names.push_back(stage.name);
  return names;
}

void check_stage(const Recipe& recipe, const std::string& option, const std::string& name) {
  const std::vector<std::string> names = names_of(recipe);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  fail(ErrorKind::kUsage, "{} {}: no such stage; there are {}", option, name, fmt::join(names, ", "));
}

// What a user says beside the recipe.
class Steering {
 public:
  explicit Steering(const po::variables_map& values) : values_(values) {}

  bool flag(const char* name) const { return values_[name].as<bool>(); }
  std::vector<std::string> list(const char* name) const {
    return values_.count(name) > 0 ? values_[name].as<std::vector<std::string>>()
                                   : std::vector<std::string>{};
  }

  RunChoice choice(const Recipe& recipe) const {
    RunChoice choice{.only_stages = list("stage"),
                     .with_makers = flag("with-dependencies"),
                     .fresh = flag("fresh"),
                     .go_back_to = step()};
    for (const std::string& name : choice.only_stages) check_stage(recipe, "--stage", name);
    if (values_.count("stage-after") > 0) choice.only_stages = stages_after(recipe);
    if (choice.with_makers && choice.only_stages.empty()) {
      fail(ErrorKind::kUsage, "--with-dependencies: wanted with --stage or --stage-after");
    }
    if (choice.fresh && (flag("accept-changes") || choice.go_back_to >= 0)) {
      fail(ErrorKind::kUsage, "--fresh starts anew: there is nothing to accept or to resume from");
    }
    return choice;
  }

  // Of what decides what becomes of the run's folder: " --fresh --stage tune".
  std::string as_text() const {
    std::string text;
    for (const char* name : {"fresh", "accept-changes", "with-dependencies", "dry-run"}) {
      if (flag(name)) text += fmt::format(" --{}", name);
    }
    for (const std::string& stage : list("stage")) text += " --stage " + stage;
    if (values_.count("stage-after") > 0)
      text += " --stage-after " + values_["stage-after"].as<std::string>();
    if (step() >= 0) text += fmt::format(" --resume-from {}", step());
    return text;
  }

 private:
  int64_t step() const {
    if (values_.count("resume-from") == 0) return -1;
    const auto step = values_["resume-from"].as<int64_t>();
    if (step < 1) fail(ErrorKind::kUsage, "--resume-from {}: wanted the step of a checkpoint, from 1", step);
    return step;
  }

  std::vector<std::string> stages_after(const Recipe& recipe) const {
    const auto name = values_["stage-after"].as<std::string>();
    check_stage(recipe, "--stage-after", name);
    if (values_.count("stage") > 0)
      fail(ErrorKind::kUsage, "--stage and --stage-after: wanted one of the two");
    const std::vector<std::string> names = names_of(recipe);
    std::vector<std::string> after(std::find(names.begin(), names.end(), name) + 1, names.end());
    if (after.empty()) fail(ErrorKind::kUsage, "--stage-after {}: it is the last stage", name);
    return after;
  }

  const po::variables_map& values_;
};

void require_same_options(const Steering& steering, Communicator& world) {
  const std::string options = steering.as_text();
  require_agreement(world, ErrorKind::kLauncher, "were given different options",
                    {{"options", options.empty() ? "neither --fresh nor --stage" : options.substr(1)}});
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

// Prints what a run would do. Collective; rank 0 looks.
void look_only(const Recipe& recipe, const RunChoice& choice, Communicator& world) {
  run_on_rank(world, 0, [&] {
    const RunInputs inputs = open_run_model(recipe);
    FileHashes hashes(hash_store(recipe.run_dir));
    std::cout << status_text(recipe, look_at_run(recipe, &inputs, choice, hashes), true);
  });
}

}  // namespace

CommandPage run_page() {
  return {
      .usage = "RECIPE.yaml [--set KEY=VALUE ...] [options]",
      .about =
          "Runs the stages of a recipe in order. Finished stages are skipped and the one in flight goes on,\n"
          "so the same command continues an interrupted run. Stages that a changed recipe or file affects\n"
          "are done again, and no others.\n",
      .options = {set_option(),
                  row(Option::list("stage", "NAME").offering(Completion::kStage),
                      "only this stage; may be given several times"),
                  row(Option::text("stage-after", "NAME").offering(Completion::kStage),
                      "only the stages behind this one"),
                  row(Option::flag("with-dependencies"), "and what those stages start from"),
                  row(Option::flag("dry-run"), "prints what would be done with each stage, and why"),
                  row(Option::flag("accept-changes"),
                      "does finished and half-done stages again that no longer fit"),
                  row(Option::number<int64_t>("resume-from", "STEP"),
                      "training goes on from this checkpoint, with the options as they are now"),
                  row(Option::flag("fresh"), "moves an earlier run folder aside and starts anew"),
                  row(Option::flag("verify-inputs"),
                      "all ranks compare all bytes of model, texts and token caches"),
                  row(Option::text("time-limit", "TIME", ""),
                      "saves and ends with 75 before that, 3h50m; by default SLURM_JOB_END_TIME")},
      .notes =
          "SIGINT, SIGTERM and SIGUSR1 (to mpirun or a rank) save, stop and end with 75.\n"
          "Everything is written to the recipe's run_dir (runs/NAME); report.html shows it.\n",
      .examples = "mpirun -n 2 ropeway run configs/tiny_cpu.yaml --set stages.tune_8x.steps=10\n",
      .positional = "RECIPE.yaml",
      .columns = 100,
      .help_column = 24};
}

void run_verb(const Arguments& arguments, MpiSession& job) {
  Communicator& world = job.world();
  const CommandLine line = command_line("run", run_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (world.rank() == 0) std::cout << line.help;
    return;
  }
  const Steering steering(values);
  const Recipe recipe =
      load_recipe_on_all_ranks(values["RECIPE.yaml"].as<std::string>(), steering.list("set"), world);
  const RunChoice choice = steering.choice(recipe);
  require_same_options(steering, world);
  if (steering.flag("dry-run")) return look_only(recipe, choice, world);
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
                      {.only_stages = choice.only_stages,
                       .with_makers = choice.with_makers,
                       .fresh = choice.fresh,
                       .accept_changes = steering.flag("accept-changes"),
                       .go_back_to = choice.go_back_to,
                       .stop_requested = [&] { return stop_requested() || stop.agreed(); },
                       .stop = &stop,
                       .gpus = gpus.get(),
                       .command = command_text("run", arguments),
                       .watch = watch_callbacks(job),
                       .verify_inputs = values["verify-inputs"].as<bool>()});
  tell_of_ranks(
      world,
      own_seat(job.host_name(), gpus ? fmt::format("{}: {}", gpus->info().index, gpus->info().name) : ""),
      with_ranks(recipe.mesh, world.size()).sequence);
  accompany(*run);
  const std::string table = run_stages(*run);
  run.reset();  // before the GPUs are given back
  if (gpus) gpus->close();
  if (world.rank() == 0) std::cout << table;
}

}  // namespace ropeway
