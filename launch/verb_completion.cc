// ropeway completion: what a shell completes ropeway's command line with.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/completion.h"
#include "launch/verbs.h"

namespace ropeway {

CommandPage completion_page() {
  return {.usage = "bash|zsh|fish\nverbs|keys|stages [RECIPE.yaml]",
          .about =
              "Prints a script that completes verbs, options, the keys after --set and the names of\n"
              "stages, or what such a script asks for. An installed ropeway has them in place; else:\n"
              "\n"
              "  bash  . <(ropeway completion bash)\n"
              "  zsh   . <(ropeway completion zsh)\n"
              "  fish  ropeway completion fish | source\n",
          .examples = "ropeway completion bash > ~/.local/share/bash-completion/completions/ropeway\n",
          .positional = "WHAT RECIPE.yaml",
          .positional_is_optional = true};
}

void completion_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("completion", completion_page());
  boost::program_options::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : std::string();
  };
  const std::string what = text("WHAT"), recipe = text("RECIPE.yaml");
  std::string out;
  if (what == "bash") {
    out = bash_completion();
  } else if (what == "zsh") {
    out = zsh_completion();
  } else if (what == "fish") {
    out = fish_completion();
  } else if (what == "verbs") {
    for (const Verb& verb : verbs()) out += fmt::format("{}\n", verb.name);
  } else if (what == "keys") {
    out = completed_keys(recipe);
  } else if (what == "stages") {
    out = completed_stages(recipe);
  } else {
    fail(ErrorKind::kUsage, "found '{}', wanted bash, zsh or fish, or verbs, keys or stages", what);
  }
  if (prints) std::cout << out;
}

}  // namespace ropeway
