#include "launch/run_company.h"

#include <sys/utsname.h>
#include <torch/version.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "kernels/base/log.h"
#include "launch/build_info.h"
#include "launch/host_check.h"
#include "launch/mesh_words.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/device/cuda_job.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/files/files.h"
#include "trainer/page/write_page.h"
#include "trainer/stages/counted_work.h"
#include "trainer/stages/run_state.h"
#include "trainer/stages/stage_plan.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

using Texts = std::vector<std::pair<std::string, std::string>>;

constexpr double kPageSeconds = 20;  // between two pages of a run at work

std::string host_name() {
  utsname system{};
  return uname(&system) == 0 ? system.nodename : "unknown";
}

// Collective: hosts are named by their ranks.
Texts environment_of(const RunState& run) {
  Communicator& world = run.mesh.world();
  const std::vector<std::string> all = all_gather_strings(world, host_name());
  const std::set<std::string> hosts(all.begin(), all.end());
  utsname system{};
  uname(&system);
  const MeshShape mesh = run.mesh.shape();
  const std::string library = MpiSession::library_version();
  return {{"ropeway", fmt::format("{} ({}, {})", kRopewayVersion, kGitHash, kBuildType)},
          {"libtorch", TORCH_VERSION},
          {"MPI", library.substr(0, library.find(','))},
          {"compiler", kCompiler},
          {"system", fmt::format("{} {}", system.sysname, system.release)},
          {"processor", fmt::format("{}, {} threads", processor_name(), std::thread::hardware_concurrency())},
          {"hosts", fmt::format("{}", fmt::join(hosts, ", "))},
          {"device", std::string(word_of(run.recipe.device))},
          {"ranks", fmt::format("{} ({})", world.size(), mesh_text(mesh))}};
}

void write_environment(const fs::path& folder, const Texts& environment) {
  nlohmann::ordered_json json;
  for (const auto& [name, value] : environment) json[name] = value;
  write_file_atomically(folder / "environment.json", json.dump(2) + "\n");
}

// Of a GPU that is not in the table the rates are another's: only their ratios count here.
std::vector<StageWork> work_of(const RunState& run) {
  DeviceRates device = find_device(DeviceRates::kCpu);
  if (run.gpus != nullptr) {
    device = device_called_by_cuda(run.gpus->info().name).value_or(find_device("h200"));
  }
  return counted_work(
      run.recipe, run.config,
      plan_recipe(run.recipe, run.config, {.mesh = run.mesh.shape(), .device = device, .sets = run.sets}));
}

// What runs of a recipe differ in when they are compared.
Texts parameters_of(const Recipe& recipe) {
  Texts parameters = {{"seed", fmt::format("{}", recipe.seed)},
                      {"dtype", std::string(word_of(recipe.dtype))}};
  for (const StageRecipe& stage : recipe.stages) {
    if (is_training(stage.kind())) {
      const TrainRecipe& train = stage.train();
      parameters.emplace_back(stage.name + ".length", fmt::format("{}", train.length));
      parameters.emplace_back(stage.name + ".steps", fmt::format("{}", train.steps));
      parameters.emplace_back(stage.name + ".batch_sequences", fmt::format("{}", train.batch_sequences));
      parameters.emplace_back(stage.name + ".learning_rate", fmt::format("{}", train.learning_rate));
    }
    if (is_searching(stage.kind())) {
      parameters.emplace_back(stage.name + ".length", fmt::format("{}", stage.search().length));
      parameters.emplace_back(stage.name + ".seeds", std::string(word_of(stage.search().seeds)));
      parameters.emplace_back(stage.name + ".refine", std::string(word_of(stage.search().refine)));
    }
  }
  return parameters;
}

}  // namespace

void accompany(RunState& run) {
  const Texts environment = environment_of(run);
  if (run.mesh.world().rank() != 0) return;
  const fs::path folder = run.directory.path();
  try {
    write_environment(folder, environment);
    std::string table = "| | |\n|---|---|\n";
    for (const auto& [name, value] : environment) table += fmt::format("| {} | {} |\n", name, value);
    const std::string recipe = read_text_file(folder / "recipe.yaml");
    run.reporter->describe_run({{"run/recipe", "```yaml\n" + recipe + "```\n"}, {"run/environment", table}},
                               parameters_of(run.recipe));
    run.reporter->plan_time(work_of(run));
  } catch (const std::exception& error) {
    log_warning("{}; the run goes on without it", error.what());
  }
  run.reporter->on_news(
      [folder, warn = page::warn_once()] {
        write_file_atomically(folder / "report.html", page::page_of({folder}, warn));
      },
      kPageSeconds);
}

}  // namespace ropeway
