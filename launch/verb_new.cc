// ropeway new: a recipe for a model, a length and so many GPUs, decided by plans.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/device_options.h"
#include "launch/draft_text.h"
#include "launch/model_shape.h"
#include "launch/verbs.h"
#include "trainer/config/lengths.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/stages/draft_recipe.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// "models/Llama-2-7b-hf" and 256K: "Llama-2-7b-hf_256k", in what a name may have.
std::string name_for(const std::string& model, int64_t target) {
  fs::path path = model;
  if (!path.has_filename()) path = path.parent_path();
  std::string name = fmt::format("{}_{}", path.filename().string(), format_length(target));
  for (char& c : name) {
    const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    if (!fits) c = '_';
  }
  return name.front() == '-' ? name.substr(1) : name;
}

}  // namespace

CommandPage new_page() {
  return {.usage = "MODEL --target LENGTH [--gpus N] [--gpu NAME] [--memory GIB] [--tflops X]",
          .about =
              "Prints a recipe that takes MODEL to a length: what to tune at, how to share the GPUs\n"
              "out, sequences per step, how to search and how often to save, each decided by plans\n"
              "and with a comment that says why. Paths of texts are left to you. MODEL is a model\n"
              "folder, of which config.json is read, or the name of a known model.\n",
          .options = {row(Option::text("target", "LENGTH"), "tokens: 128K, 2M (K = 1024)"),
                      row(Option::number<int>("gpus", "N", 1), "of the job, one rank each; default 1"),
                      row(Option::text("gpu", "NAME", "h100").offering("h200 h100 a100 cpu"),
                          "default h100; cpu"),
                      row({Option::number<double>("memory", "GIB"), Option::number<double>("tflops", "X")},
                          "another memory; one rate for everything")},
          .examples = "ropeway new models/llama2_7b --target 256K --gpus 8 --gpu h100 > mine.yaml\n",
          .positional = "MODEL"};
}

void new_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("new", new_page());
  boost::program_options::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  if (values.count("target") == 0)
    fail(ErrorKind::kUsage, "--target is missing: wanted a length such as 256K");
  DraftRequest request;
  const std::string model = values["MODEL"].as<std::string>();
  request.target = parse_length(values["target"].as<std::string>());
  request.ranks = values["gpus"].as<int>();
  if (request.ranks < 1 || request.ranks > 1000000) {
    fail(ErrorKind::kUsage, "--gpus {}: wanted a number of GPUs", request.ranks);
  }
  request.config = shape_of(model);
  request.model_path = fs::exists(model) ? model : fmt::format("models/{}", model);
  request.name = name_for(model, request.target);
  request.settings.device = read_device(values, "h100");
  request.settings.memory_limit = usable_memory(request.settings.device);
  const std::string text = draft_text(draft_recipe(request), request);
  if (prints) std::cout << text;
}

}  // namespace ropeway
