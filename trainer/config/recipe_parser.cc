#include "trainer/config/recipe_parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/environment.h"
#include "trainer/config/overrides.h"
#include "trainer/config/recipe_checks.h"
#include "trainer/config/recipe_problems.h"
#include "trainer/config/recipe_reader.h"
#include "trainer/config/yaml_tree.h"
#include "trainer/files/input_file.h"

namespace ropeway {
namespace {

// At most one byte more than a recipe may have, so that a file without an end does not fill the memory.
std::string read_bounded(const std::filesystem::path& file) {
  InputFile input(file);
  std::string text(16 << 10, '\0');
  size_t filled = 0;
  while (const size_t got = input.read(text.data() + filled, text.size() - filled)) {
    filled += got;
    if (filled == text.size()) text.resize(std::min(2 * filled, kMaxYamlBytes + 4));
  }
  text.resize(filled);
  return text;
}

// The only one that is reported: what the keys of another version mean is not known here.
std::string version_problem(const Recipe& recipe) {
  RecipeProblems problems(recipe);
  problems.add("version",
               fmt::format("found {}, this program reads version {}: run it with the release that the recipe "
                           "was written for, or change its keys as CHANGELOG.md says and write {}",
                           recipe.version, kRecipeVersion, kRecipeVersion));
  return problems.lines().front();
}

void derive_scale_margins(Recipe& recipe) {
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    StageRecipe& stage = recipe.stages[i];
    const std::string path = stage_path(i, "max_scale_margin");
    if (!is_searching(stage.kind()) || recipe.places.contains(path)) continue;
    SearchRecipe& search = stage.search();
    const double margin = default_scale_margin(search.seeds);
    if (margin == search.max_scale_margin) continue;
    search.max_scale_margin = margin;
    recipe.made_from[path] = "derived from seeds";
  }
}

}  // namespace

RecipeResult parse_recipe(const std::filesystem::path& file, const ParseRecipeOptions& options) {
  const std::string text = read_bounded(file);
  RecipeResult result;
  Recipe& recipe = result.recipe;
  recipe.source_file = file.string();
  recipe.overrides = options.overrides;
  recipe.override_prefix = options.override_prefix;
  RecipeProblems problems(recipe);
  YamlResult yaml = read_yaml(text);
  if (yaml.problem) {
    problems.add_at(yaml.problem->place, "", yaml.problem->text);
  } else if (yaml.root.kind != YamlNode::Kind::kMap) {
    RecipePlace start;
    start.line = start.column = 1;
    problems.add_at(yaml.root.place.line > 0 ? yaml.root.place : start, "",
                    fmt::format("found {}, wanted a recipe: a map of keys", describe(yaml.root)));
  } else {
    apply_overrides(yaml.root, options.overrides, problems);
    substitute_environment(yaml.root, problems);
    read_recipe(yaml.root, recipe, problems);
    if (recipe.version != kRecipeVersion) {
      result.errors = {version_problem(recipe)};
      return result;
    }
    derive_scale_margins(recipe);
    check_recipe(recipe, options.ranks, problems);
    if (recipe.run_dir.empty()) {
      recipe.run_dir = "runs/" + recipe.name;
      recipe.made_from["run_dir"] = "derived from name";
    }
  }
  result.errors = problems.lines();
  return result;
}

}  // namespace ropeway
