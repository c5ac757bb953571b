// ropeway validate: every error of a recipe, without MPI, a GPU or the weights.
#include <filesystem>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_line.h"
#include "launch/recipe_loading.h"
#include "launch/verbs.h"
#include "trainer/config/recipe_reference.h"
#include "trainer/stages/recipe_model.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway validate RECIPE.yaml [--ranks N] [--set KEY=VALUE ...]
       ropeway validate --keys [--markdown]

Checks a recipe and lists every error at once, as file:line:column: key: what was
found, what was wanted, and the nearest known key. Reads no weights. When the
model's folder is there, its window and factor sets are checked as well; one
that holds no model is refused as ropeway run refuses it.

  --ranks N         also check the mesh against N ranks
  --set KEY=VALUE   another value for a key, as in ropeway run
  --keys            print every key a recipe may hold: type, default, range, meaning
  --markdown        print them as configs/REFERENCE.md has them

Ends with 78 when the recipe has errors, 65 or 66 when the model cannot be read.

example:
  ropeway validate configs/tiny_cpu.yaml --ranks 2
)";

// Errors that show only next to the model; none when its folder is not there.
std::vector<std::string> errors_with_model(const Recipe& recipe) {
  if (recipe.model.has_architecture || !fs::exists(recipe.model.path)) return {};
  return errors_against_model(recipe, model_of(recipe));
}

}  // namespace

void validate_verb(const Arguments& arguments, bool prints) {
  const bool markdown = arguments == Arguments{"--keys", "--markdown"};
  const bool keys = markdown || arguments == Arguments{"--keys"};
  CommandLine line{kHelp, "RECIPE.yaml", {}};
  line.options.add_options()("ranks", po::value<int>()->default_value(0), "")(
      "set", po::value<std::vector<std::string>>()->composing(), "")("keys", po::bool_switch(), "")(
      "markdown", po::bool_switch(), "");
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
  options.ranks = values["ranks"].as<int>();
  if (options.ranks < 0) fail(ErrorKind::kUsage, "--ranks {}: wanted a number of ranks", options.ranks);
  if (values.count("set") > 0) options.overrides = values["set"].as<std::vector<std::string>>();
  const Recipe recipe = load_recipe(values["RECIPE.yaml"].as<std::string>(), options);
  const auto errors = errors_with_model(recipe);
  if (!errors.empty()) fail(ErrorKind::kConfig, "{}", fmt::join(errors, "\n"));
  if (prints) std::cout << "recipe is good: " << recipe.stages.size() << " stages\n";
}

}  // namespace ropeway
