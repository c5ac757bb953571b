// ropeway plan: what a recipe will take on so many GPUs. Needs no GPU, no MPI and no weights.
#include <cmath>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_line.h"
#include "launch/memory_words.h"
#include "launch/recipe_loading.h"
#include "launch/verbs.h"
#include "trainer/config/lengths.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/stages/stage_plan.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway plan RECIPE.yaml [--gpus N] [--gpu h200|h100|a100|cpu]
                    [--memory GIB] [--tflops X] [--set KEY=VALUE ...]

What every stage will take: tokens, FLOPs (attention counted causally), seconds,
and the memory of one rank by part, with what to change where that does not fit.
Reads the recipe, the model's config.json and factor sets, and from weights that
are there whether the head is the embedding. Needs no GPU.

  --gpus N          ranks of the job, one per GPU (default: those of the mesh,
                    where sequence: auto counts as 1)
  --gpu NAME        whose rates and memory (default: h200; cpu for device: cpu)
  --memory GIB      memory of a GPU (default: that of the GPU)
  --tflops X        one rate for everything instead of the table's
  --set KEY=VALUE   another value for a key, as in ropeway run

Times are those of arithmetic and ring at published rates: a lower bound,
without input, checkpoints and start. 2 GiB of a GPU are left to its driver.

example:
  ropeway plan configs/smollm2_135m_2m.yaml --gpus 4 --gpu h100
)";

constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kDriverBytes = 2 * kGiB;

std::string flops_text(double flops) {
  static const char* const kNames[] = {"FLOP", "KFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP", "ZFLOP"};
  size_t unit = 0;
  for (; flops >= 1000 && unit + 1 < std::size(kNames); ++unit) flops /= 1000;
  return fmt::format("{:.3g} {}", flops, kNames[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.2g} s", seconds);
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.3g} min", seconds / 60);
  return seconds < 48 * 3600 ? fmt::format("{:.3g} h", seconds / 3600)
                             : fmt::format("{:.3g} days", seconds / 86400);
}

// "steps of 8 x 64K", "forward passes over 64K, at most"
std::string what_of(const PlannedPass& pass) {
  const std::string length = format_length(pass.length);
  if (pass.pass == Pass::kTrain) return fmt::format("steps of {} x {}", pass.sequences, length);
  return fmt::format("{} over {}{}", pass.pass == Pass::kEvaluate ? "forward passes" : "factor gradients",
                     length, pass.at_most ? ", at most" : "");
}

std::string pass_text(const PlannedPass& pass) {
  std::string text = fmt::format("  {:>6} {:<42} {:>10} each, {:.0f}% attention", format_count(pass.count),
                                 what_of(pass), flops_text(pass.work.total()),
                                 100 * (1 - pass.work.dense / std::max(pass.work.total(), 1.0)));
  if (pass.seconds > 0) text += ", " + seconds_text(pass.seconds);
  if (pass.exposed > 0.01 * pass.seconds) {
    text += fmt::format(" ({} of it waiting for the ring)", seconds_text(pass.exposed));
  }
  return text + "\n";
}

std::string memory_text(const StagePlan& plan, int64_t limit) {
  const MemoryParts& parts = plan.memory.parts;
  std::string text = fmt::format("  memory per rank {}: {}\n", bytes_text(parts.total()), parts_text(parts));
  if (parts.host > 0) text += fmt::format("  and {} of host memory\n", bytes_text(parts.host));
  if (plan.saving_bytes > 0) {
    text += fmt::format("  and {} of host memory on rank 0 to write checkpoints from, beside training\n",
                        bytes_text(plan.saving_bytes));
  }
  if (limit == 0 || parts.total() <= limit) return text;
  text += fmt::format("  DOES NOT FIT into {}; what would help:\n", bytes_text(limit));
  for (const std::string& line : as_recipe_keys(plan.suggestions, "stage " + plan.name)) {
    text += "    " + line + "\n";
  }
  if (plan.suggestions.empty()) text += "    more memory: no setting makes a difference\n";
  return text;
}

struct Totals {
  double tokens = 0, flops = 0, seconds = 0;
};

std::string stage_text(const StagePlan& plan, int64_t limit, Totals& all) {
  Totals own;
  std::string passes;
  for (const PlannedPass& pass : plan.passes) {
    passes += pass_text(pass);
    own.tokens += pass.count * static_cast<double>(pass.tokens);
    own.flops += pass.count * pass.work.total();
    own.seconds += pass.count * pass.seconds;
  }
  all.tokens += own.tokens;
  all.flops += own.flops;
  all.seconds += own.seconds;
  std::string text = fmt::format("{} ({}): {} tokens, {}", plan.name, word_of(plan.kind),
                                 format_count(own.tokens), flops_text(own.flops));
  if (own.seconds > 0) text += ", " + seconds_text(own.seconds);
  if (plan.open_ended) text += "; counted with one window per length, all that fit will be scored";
  return text + "\n" + passes + memory_text(plan, limit);
}

double positive(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) return 0;
  const double value = values[name].as<double>();
  if (!(value > 0) || !(value < 1e9))
    fail(ErrorKind::kUsage, "--{} {}: wanted a number above 0", name, value);
  return value;
}

DeviceRates device_of(const Recipe& recipe, const po::variables_map& values) {
  const std::string fallback = recipe.device == DeviceKind::kCpu ? "cpu" : "h200";
  DeviceRates device = find_device(values.count("gpu") > 0 ? values["gpu"].as<std::string>() : fallback);
  if (const double rate = positive(values, "tflops"); rate > 0) {
    device.product = rate;
    device.attention.clear();
    device.source = "one rate for everything, as given";
  }
  if (const double gib = positive(values, "memory"); gib > 0) {
    device.memory_bytes = static_cast<int64_t>(gib * static_cast<double>(kGiB));
  }
  return device;
}

std::string plan_text(Recipe recipe, int gpus, const DeviceRates& device) {
  ConfigAndSets model = model_of(recipe);
  if (!recipe.model.has_architecture) take_tie_of_weights(recipe.model.path, model.config);
  const ModelConfig& config = model.config;
  std::string text;
  if (device.is_gpu() && recipe.dtype != DType::kBF16) {
    text = fmt::format("dtype: {} does not run on a GPU; planned as bf16\n", word_of(recipe.dtype));
    recipe.dtype = DType::kBF16;
  }
  recipe.device = device.is_gpu() ? DeviceKind::kCuda : DeviceKind::kCpu;
  const auto errors = errors_against_model(recipe, model);
  if (!errors.empty()) fail(ErrorKind::kConfig, "{}", fmt::join(errors, "\n"));
  const int data = recipe.mesh.data;
  const int sequence = recipe.mesh.sequence > 0 ? recipe.mesh.sequence : std::max(1, gpus / data);
  PlanSettings settings{
      .mesh = {data, sequence}, .device = device, .memory_limit = device.memory_bytes, .sets = model.sets};
  if (device.is_gpu()) settings.memory_limit = std::max<int64_t>(1, settings.memory_limit - kDriverBytes);
  text += fmt::format("{}: {} parameters, {} x {}: data {} x sequence {}\n{}\n\n", recipe.name,
                      format_count(static_cast<double>(config.num_parameters())), data * sequence,
                      device.name, data, sequence,
                      device.source + (device.product > 0 ? "" : ": --tflops gives one for everything"));
  Totals all;
  for (const StagePlan& stage : plan_recipe(recipe, config, settings)) {
    text += stage_text(stage, settings.memory_limit, all) + "\n";
  }
  text += fmt::format("in all: {} tokens, {}", format_count(all.tokens), flops_text(all.flops));
  if (all.seconds > 0) text += ", " + seconds_text(all.seconds);
  return text + "\n";
}

}  // namespace

void plan_verb(const Arguments& arguments, bool prints) {
  CommandLine line{kHelp, "RECIPE.yaml", {}};
  line.options.add_options()("gpus", po::value<int>(), "")("gpu", po::value<std::string>(), "")(
      "memory", po::value<double>(), "")("tflops", po::value<double>(), "")(
      "set", po::value<std::vector<std::string>>()->composing(), "");
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  ParseRecipeOptions options;
  if (values.count("gpus") > 0) {
    options.ranks = values["gpus"].as<int>();
    if (options.ranks < 1 || options.ranks > 1000000) {
      fail(ErrorKind::kUsage, "--gpus {}: wanted a number of GPUs", options.ranks);
    }
  }
  if (values.count("set") > 0) options.overrides = values["set"].as<std::vector<std::string>>();
  const Recipe recipe = load_recipe(values["RECIPE.yaml"].as<std::string>(), options);
  const std::string text = plan_text(recipe, options.ranks, device_of(recipe, values));
  if (prints) std::cout << text;
}

}  // namespace ropeway
