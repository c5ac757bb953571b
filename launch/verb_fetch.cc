// ropeway fetch: how a common model is downloaded. Opens no connection itself.
#include <fmt/format.h>

#include <iostream>

#include "launch/command_page.h"
#include "launch/verbs.h"
#include "trainer/config/lengths.h"
#include "trainer/plan/known_models.h"

namespace ropeway {
namespace {

std::string list_of_models() {
  std::string text = fmt::format("{:<16} {:<36} {:>10} {:>7}  licence\n", "name", "on the Hugging Face hub",
                                 "parameters", "window");
  for (const KnownModel& model : known_models()) {
    text += fmt::format("{:<16} {:<36} {:>10} {:>7}  {}{}\n", model.name, model.hub_name,
                        format_count(static_cast<double>(config_of(model).num_parameters())),
                        format_length(model.window), model.licence, model.gated ? ", to be accepted" : "");
  }
  return text;
}

std::string page_of(const KnownModel& model) {
  const auto parameters = static_cast<double>(config_of(model).num_parameters());
  std::string text = fmt::format(
      "{}: {} parameters, trained at {} tokens, licence {}\n\n"
      "This program opens no connection. Where there is one, with Python:\n",
      model.hub_name, format_count(parameters), format_length(model.window), model.licence);
  if (model.gated) {
    text += fmt::format("  (accept the licence at https://huggingface.co/{} first, then: hf auth login)\n",
                        model.hub_name);
  }
  text += fmt::format(
      "  pip install huggingface_hub\n"
      "  hf download {} --include '*.json' '*.safetensors' 'tokenizer*' --local-dir {}\n"
      "or with git-lfs:\n"
      "  git clone https://huggingface.co/{} {}\n"
      "About {:.2g} GB in bf16. Copy the folder here, then:\n"
      "  ropeway import {} models/{} --link\n"
      "  ropeway new models/{} --target {} > {}.yaml\n",
      model.hub_name, model.name, model.hub_name, model.name, 2e-9 * parameters, model.name, model.name,
      model.name, format_length(32 * model.window), model.name);
  if (model.sliding_window > 0) {
    text += fmt::format(
        "Its attention has a window of {}: trainer/family/README.md says what to choose beyond it.\n",
        format_length(model.sliding_window));
  }
  return text;
}

}  // namespace

CommandPage fetch_page() {
  return {.usage = "[MODEL]",
          .about =
              "Tells how to download one of the common models, of which the shape is known here too\n"
              "(ropeway plan --shape), and what to do with it then; without MODEL, which there are.\n"
              "Opens no connection itself.\n",
          .examples = "ropeway fetch llama2_7b\n",
          .positional = "MODEL",
          .positional_is_optional = true};
}

void fetch_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("fetch", fetch_page());
  boost::program_options::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  const std::string text =
      values.count("MODEL") == 0 ? list_of_models() : page_of(known_model(values["MODEL"].as<std::string>()));
  if (prints) std::cout << text;
}

}  // namespace ropeway
