#include "trainer/config/model_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_checks.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

std::vector<std::string> check_recipe_against_model(const Recipe& recipe, const ModelFacts& model) {
  const auto& [original_window, rotary_pairs, existing_sets, sliding_window] = model;
  RecipeProblems problems(recipe);
  check_windows(recipe, original_window, problems);
  if (recipe.model.sliding_window != SlidingWindowPolicy::kFull)
    check_sliding_window(recipe, sliding_window, problems);
  const auto exists = [&existing_sets = model.existing_sets](const std::string& name) {
    return std::find(existing_sets.begin(), existing_sets.end(), name) != existing_sets.end();
  };
  for (const std::string& name : recipe.model.sets) {
    if (exists(name)) continue;
    const std::string nearest = nearest_word(name, existing_sets);
    problems.add("model.sets",
                 fmt::format("found {}, wanted sets that the model has: {}{}", name,
                             existing_sets.empty() ? "it has none" : join_words(existing_sets, "and"),
                             nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
  }
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    if (recipe.stages[i].makes.empty() || !exists(recipe.stages[i].makes)) continue;
    problems.add(
        stage_path(i, "makes"),
        fmt::format("found {}, which the model has already, wanted another name", recipe.stages[i].makes));
  }
  const int64_t head_dim = recipe.model.architecture.head_dim;
  if (recipe.model.has_architecture && head_dim != 2 * rotary_pairs) {
    problems.add("model.architecture.head_dim",
                 fmt::format("found {}, wanted {}: the model has {} rotary pairs", head_dim, 2 * rotary_pairs,
                             rotary_pairs));
  }
  return problems.lines();
}

}  // namespace ropeway
