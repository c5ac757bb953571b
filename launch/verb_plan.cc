// ropeway plan: what a recipe will take on so many GPUs. Needs no GPU, no MPI and no weights.
#include <filesystem>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/device_options.h"
#include "launch/mesh_words.h"
#include "launch/plan_json.h"
#include "launch/plan_result.h"
#include "launch/plan_text.h"
#include "launch/recipe_loading.h"
#include "launch/verbs.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

// What does not fit is no plan.
void require_fit(const PlanResult& plan) {
  const PlanTotals all = plan.totals();
  if (all.fits) return;
  const MeshChoice* best = cheapest(plan.meshes);
  fail(ErrorKind::kMemory, "{} needs {} per rank, {} has {} for it: {}", plan.recipe.name,
       bytes_text(all.memory), plan.settings.device.name, bytes_text(plan.settings.memory_limit),
       best != nullptr
           ? fmt::format("{} fit",
                         fmt::join(mesh_settings(best->mesh, plan.settings.device.devices_a_host), " and "))
           : fmt::format("no mesh of {} ranks fits", plan.ranks));
}

PlanQuestion read_question(const po::variables_map& values) {
  PlanQuestion question;
  ParseRecipeOptions options;
  options.overrides = read_overrides(values);
  const fs::path named = values["RECIPE.yaml|RUN"].as<std::string>();
  const bool is_run = fs::is_directory(named);
  if (is_run) question.measured = measured_run(named);
  if (values.count("gpus") > 0) {
    options.ranks = values["gpus"].as<int>();
    if (options.ranks < 1 || options.ranks > 1000000) {
      fail(ErrorKind::kUsage, "--gpus {}: wanted a number of GPUs", options.ranks);
    }
  } else if (is_run) {
    options.ranks = question.measured.ranks;
  }
  question.gpus = options.ranks;
  question.recipe = load_recipe(is_run ? (named / "recipe.yaml").string() : named.string(), options);
  question.device = read_device(values, question.recipe.device == DeviceKind::kCpu ? "cpu" : "h200");
  if (values.count("shape") > 0) question.shape = values["shape"].as<std::string>();
  return question;
}

}  // namespace

CommandPage plan_page() {
  return {
      .usage =
          "RECIPE.yaml|RUN [--gpus N] [--gpu NAME] [--shape MODEL]\n"
          "     [--memory GIB] [--tflops X] [--details] [--json OUT]\n"
          "     [--set KEY=VALUE ...]",
      .about =
          "What every stage will take: tokens, FLOPs (attention counted causally), time,\n"
          "memory of a rank; the same for every way to share the ranks out and to search;\n"
          "and what to change where it does not fit (then it ends with 80). Of a finished\n"
          "RUN also what its stages took. Needs no GPU and no weights.\n",
      .options = {row(Option::number<int>("gpus", "N"), "ranks, one per GPU (default: those of the mesh)"),
                  row(Option::text("gpu", "NAME").offering("h200 h100 a100 cpu"),
                      "whose rates and memory (default: h200; cpu for device: cpu)"),
                  row({Option::number<double>("memory", "GIB"), Option::number<double>("tflops", "X")},
                      "another memory; one rate for everything"),
                  row(Option::text("shape", "MODEL"),
                      "a known model, a folder or hidden_size=N,... for the recipe's"),
                  row({Option::flag("details"), Option::text("json", "OUT").offering(Completion::kFile)},
                      "passes and parts of the memory; into a file"),
                  set_option()},
      .notes =
          "Times are arithmetic and ring at published rates: a lower bound, without input,\n"
          "checkpoints and start. 2 GiB of a GPU are left to its driver.\n",
      .examples = "ropeway plan configs/llama2_7b_2048k.yaml --gpus 32 --gpu h100\n",
      .positional = "RECIPE.yaml|RUN"};
}

void plan_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("plan", plan_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  const PlanResult plan = plan_result(read_question(values));
  if (prints) {
    if (values.count("json") > 0) write_file_atomically(values["json"].as<std::string>(), plan_json(plan));
    std::cout << plan_text(plan, values["details"].as<bool>()) << std::flush;
  }
  require_fit(plan);
}

}  // namespace ropeway
