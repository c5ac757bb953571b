// ropeway validate: every error of a recipe and of what it names, without MPI, a GPU or the weights.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/recipe_loading.h"
#include "launch/verbs.h"
#include "launch/ways_out.h"
#include "trainer/config/recipe_reference.h"
#include "trainer/stages/input_checks.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

// What the machine here shows of the recipe's inputs.
std::string checked_inputs(const Recipe& recipe) {
  const InputChecks checks = check_inputs(recipe);
  if (checks.errors.empty()) return checks.checked;
  std::string text;
  for (const InputError& error : checks.errors) {
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "\n", error.where, error.where.empty() ? "" : ": ",
                        message_of(error.error));
  }
  throw Error(failure_of(checks.errors.front().error).kind, text);
}

}  // namespace

CommandPage validate_page() {
  return {.usage = "RECIPE.yaml [--ranks N] [--offline] [--set KEY=VALUE ...]\n--keys [--markdown]",
          .about =
              "Checks a recipe and lists every error at once, as file:line:column: key: what was\n"
              "found, what was wanted, and the nearest known key. Then what the machine shows\n"
              "without reading weights: model folder, tokenizer, texts and whether they can be long\n"
              "enough, room on disk. ropeway data counts the tokens of texts exactly.\n",
          .options = {row(Option::number<int>("ranks", "N", 0), "also check the mesh against N ranks"),
                      row(Option::flag("offline"), "the recipe alone: nothing that it names has to be there"),
                      set_option(),
                      row(Option::flag("keys"),
                          "print every key a recipe may hold: type, default, range, meaning"),
                      row(Option::flag("markdown"), "print them as configs/REFERENCE.md has them")},
          .notes = "Ends with 78 when the recipe has errors; 65, 66 or 73 when an input does.\n",
          .examples = "ropeway validate configs/tiny_cpu.yaml --ranks 2\n",
          .positional = "RECIPE.yaml"};
}

void validate_verb(const Arguments& arguments, bool prints) {
  const bool markdown = arguments == Arguments{"--keys", "--markdown"};
  const bool keys = markdown || arguments == Arguments{"--keys"};
  const CommandLine line = command_line("validate", validate_page());
  po::variables_map values;
  const bool run = !keys && parse_command_line(line, arguments, values);
  if (!run) {
    if (prints) std::cout << (markdown ? recipe_reference_markdown() : keys ? recipe_reference() : line.help);
    return;
  }
  if (values["keys"].as<bool>() || values["markdown"].as<bool>()) {
    fail(ErrorKind::kUsage, "--keys and --markdown print every key and take no recipe; see --help");
  }
  ParseRecipeOptions options;
  options.ranks = read_ranks(values);
  options.overrides = read_overrides(values);
  const Recipe recipe = load_recipe(values["RECIPE.yaml"].as<std::string>(), options);
  const std::string checked =
      values["offline"].as<bool>() ? "nothing but the recipe" : checked_inputs(recipe);
  if (!prints) return;
  std::cout << fmt::format("recipe is good: {} stages\nchecked: {}\n", recipe.stages.size(), checked);
}

}  // namespace ropeway
