#include "launch/completion.h"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <vector>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/verbs.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/recipe_parser.h"

namespace ropeway {
namespace {

// An option that several rows of help may name, with the text of its row.
using UseOption = std::function<void(const Option& option, const std::string& help)>;

void for_each_option(const Verb& verb, const UseOption& use) {
  for (const OptionRow& row : verb.page().options) {
    for (const Option& option : row.options) use(option, row.help);
  }
  use(Option::flag("help"), "show a page of help");
  use(Option::flag("quiet"), "show warnings and errors only");
  use(Option::flag("verbose"), "show also what other ranks say");
}

std::string verb_names() {
  std::string names;
  for (const Verb& verb : verbs()) names += fmt::format("{}{}", names.empty() ? "" : " ", verb.name);
  return names;
}

// Text in single quotes of any of the three shells.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == ':') {
      out += "\\:";  // parts word and description in zsh
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
  return out + "'";
}

// `text` with @NAME@ replaced, for each name.
std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [name, part] : parts) {
    for (size_t at; (at = text.find(name)) != std::string::npos;) text.replace(at, name.size(), part);
  }
  return text;
}

// Lines "'VERB --OPTION') ...;;" of the options that take one of a few words.
std::string word_cases(const std::string& pattern) {
  std::string cases;
  for (const Verb& verb : verbs()) {
    for_each_option(verb, [&](const Option& option, const std::string&) {
      if (option.completion != Completion::kWords) return;
      cases += filled(pattern, {{"@OPTION@", fmt::format("'{} --{}'", verb.name, option.name)},
                                {"@WORDS@", option.words}});
    });
  }
  return cases;
}

// Options whose value is a key or a stage: "'run --set'|'plan --set'".
std::string cases_of(Completion what) {
  std::string cases;
  for (const Verb& verb : verbs()) {
    for_each_option(verb, [&](const Option& option, const std::string&) {
      if (option.completion != what) return;
      cases += fmt::format("{}'{} --{}'", cases.empty() ? "" : "|", verb.name, option.name);
    });
  }
  return cases.empty() ? "''" : cases;
}

}  // namespace

std::string bash_completion() {
  std::string options;
  for (const Verb& verb : verbs()) {
    std::string names;
    for_each_option(
        verb, [&](const Option& option, const std::string&) { names += fmt::format(" --{}", option.name); });
    options += fmt::format("    {}) words='{}' ;;\n", verb.name, names.substr(1));
  }
  return filled(R"sh(# Completion of ropeway for bash, made by ropeway itself.
_ropeway() {
  local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]}
  local previous=${COMP_WORDS[COMP_CWORD - 1]} recipe='' words='' word
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '@VERBS@' -- "$current")
    return
  fi
  for word in "${COMP_WORDS[@]}"; do
    case $word in *.yaml | *.yml) recipe=$word ;; esac
  done
  case "$verb $previous" in
    @KEYS@)
      mapfile -t COMPREPLY < <(compgen -W "$("$program" completion keys "$recipe" 2>/dev/null)" -- "$current")
      compopt -o nospace 2>/dev/null
      return ;;
    @STAGES@)
      mapfile -t COMPREPLY < <(compgen -W "$("$program" completion stages "$recipe" 2>/dev/null)" -- "$current")
      return ;;
@CASES@  esac
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    return
  fi
  case $verb in
@OPTIONS@  esac
  case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
  esac
}
complete -o filenames -F _ropeway ropeway
)sh",
                {{"@VERBS@", verb_names()},
                 {"@KEYS@", cases_of(Completion::kRecipeKey)},
                 {"@STAGES@", cases_of(Completion::kStage)},
                 {"@CASES@", word_cases("    @OPTION@) words='@WORDS@' ;;\n")},
                 {"@OPTIONS@", options}});
}

std::string zsh_completion() {
  std::string names, options;
  for (const Verb& verb : verbs()) {
    names += fmt::format("    '{}:{}\n", verb.name, quoted(verb.summary).substr(1));
    options += fmt::format("    {}) options=(\n", verb.name);
    for_each_option(verb, [&](const Option& option, const std::string& help) {
      options += fmt::format("      '--{}:{}\n", option.name, quoted(help).substr(1));
    });
    options += "    ) ;;\n";
  }
  return filled(R"sh(#compdef ropeway
# Completion of ropeway for zsh, made by ropeway itself.
_ropeway() {
  local -a verbs options
  local recipe=${words[(r)*.(yaml|yml)]}
  verbs=(
@VERBS@  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  case "$words[2] $words[CURRENT-1]" in
    @KEYS@)
      compadd -S '' -- ${(f)"$($words[1] completion keys $recipe 2>/dev/null)"}
      return ;;
    @STAGES@)
      compadd -- ${(f)"$($words[1] completion stages $recipe 2>/dev/null)"}
      return ;;
@CASES@  esac
  case $words[2] in
@OPTIONS@  esac
  if [[ $words[CURRENT] == -* ]]; then
    _describe -o option options
  else
    _files
  fi
}
if [ "$funcstack[1]" = _ropeway ]; then _ropeway "$@"; else compdef _ropeway ropeway; fi
)sh",
                {{"@VERBS@", names},
                 {"@KEYS@", cases_of(Completion::kRecipeKey)},
                 {"@STAGES@", cases_of(Completion::kStage)},
                 {"@CASES@", word_cases("    @OPTION@) compadd -- @WORDS@; return ;;\n")},
                 {"@OPTIONS@", options}});
}

std::string fish_completion() {
  std::string text =
      R"sh(# Completion of ropeway for fish, made by ropeway itself.
function __ropeway_ask
    set -l recipe (string match -r -- '\S+\.ya?ml$' (commandline -opc))
    ropeway completion $argv[1] $recipe[1] 2>/dev/null
end
)sh";
  for (const Verb& verb : verbs()) {
    text += fmt::format("complete -c ropeway -f -n __fish_use_subcommand -a {} -d {}\n", verb.name,
                        fish_quoted(verb.summary));
    for_each_option(verb, [&](const Option& option, const std::string& help) {
      std::string takes = option.argument.empty() ? "" : " -r";
      if (option.completion == Completion::kRecipeKey) takes = " -x -a '(__ropeway_ask keys)'";
      if (option.completion == Completion::kStage) takes = " -x -a '(__ropeway_ask stages)'";
      if (option.completion == Completion::kWords)
        takes = fmt::format(" -x -a {}", fish_quoted(option.words));
      text += fmt::format("complete -c ropeway -n '__fish_seen_subcommand_from {}' -l {}{} -d {}\n",
                          verb.name, option.name, takes, fish_quoted(help));
    });
  }
  return text;
}

namespace {

// Of a recipe as far as it can be read, whatever is wrong with it; none without one.
std::vector<StageRecipe> stages_of(const std::string& recipe) {
  if (recipe.empty()) return {};
  try {
    return parse_recipe(recipe).recipe.stages;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::string completed_keys(const std::string& recipe) {
  std::string lines;
  for (const RecipeKey& key : recipe_keys()) {
    if (key.section == "stages") continue;
    lines +=
        key.section.empty() ? fmt::format("{}=\n", key.name) : fmt::format("{}.{}=\n", key.section, key.name);
  }
  for (const StageRecipe& stage : stages_of(recipe)) {
    for (const RecipeKey& key : recipe_keys()) {
      if (key.section != "stages" || !is_for(key, stage.kind()) || stage.name.empty()) continue;
      lines += fmt::format("stages.{}.{}=\n", stage.name, key.name);
    }
  }
  return lines;
}

std::string completed_stages(const std::string& recipe) {
  std::string lines;
  for (const StageRecipe& stage : stages_of(recipe)) {
    if (!stage.name.empty()) lines += stage.name + "\n";
  }
  return lines;
}

}  // namespace ropeway
