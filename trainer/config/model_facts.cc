#include "trainer/config/model_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "parallel/layout/head_shares.h"
#include "trainer/config/lengths.h"
#include "trainer/config/mesh_ranks.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_checks.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {
namespace {

// A model's own sets were made for a window: another one would not be the one that they stretch.
void check_own_window(const Recipe& recipe, const ModelFacts& model, RecipeProblems& problems) {
  if (recipe.model.original_window == 0) return;
  for (const SetToStartFrom& set : model.existing_sets) {
    if (set.original_window == 0 || set.original_window == recipe.model.original_window) continue;
    problems.add("model.original_window",
                 fmt::format("found {}, wanted {}, which the model's set {} stretches",
                             format_length(recipe.model.original_window), format_length(set.original_window),
                             set.name));
    return;
  }
}

// Attention on a GPU has borders between documents or windows, not both (parallel/attention).
void check_windows_on_gpu(const Recipe& recipe, int64_t window, RecipeProblems& problems) {
  if (recipe.device != DeviceKind::kCuda || window == 0) return;
  const bool masks = recipe.data.document_mask == DocumentMask::kDocuments;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    if (!kind_is_known(i, problems) || !is_training(recipe.stages[i].kind())) continue;
    const TrainRecipe& train = recipe.stages[i].train();
    if (train.length <= window || (!masks && train.short_share == 0)) continue;
    problems.add(
        masks ? "data.document_mask" : stage_path(i, "mix.short"),
        fmt::format("found {}, wanted {}: {} trains on sequences of {}, beyond the model's "
                    "sliding window of {}, and GPUs attend through a window or within documents, not "
                    "both (device: cpu does; without sliding layers, as of Mistral under "
                    "model.sliding_window: full, GPUs do too)",
                    masks ? "documents" : fmt::format("{}", train.short_share), masks ? "none" : "0",
                    stage_path(i), format_length(train.length), format_length(window)));
    return;
  }
}

void check_heads(const MeshRecipe& mesh, const ModelFacts& model, RecipeProblems& problems) {
  if (mesh.heads <= 1 || model.query_heads == 0) return;
  if (can_share_heads(model.query_heads, model.key_heads, mesh.heads)) return;
  problems.add("mesh.heads",
               fmt::format("found {}, wanted a divisor of the model's {} query heads that divides its {} "
                           "key head{} or is a multiple of {}",
                           mesh.heads, model.query_heads, model.key_heads, model.key_heads == 1 ? "" : "s",
                           model.key_heads == 1 ? "it" : "them"));
}

void check_head_groups(const Recipe& recipe, const ModelFacts& model, RecipeProblems& problems) {
  const int groups = recipe.engine.head_groups;
  if (groups <= 1 || model.query_heads == 0) return;
  const int heads = std::max(1, with_ranks(recipe.mesh, 0).heads);
  if (can_group_heads(model.query_heads, model.key_heads, groups, heads)) return;
  problems.add("engine.head_groups",
               fmt::format("found {}, wanted a divisor of the model's {} key head{}{}", groups,
                           model.key_heads, model.key_heads == 1 ? "" : "s",
                           heads == 1 ? "" : fmt::format(", whose heads {} ranks can share", heads)));
}

}  // namespace

std::vector<std::string> check_recipe_against_model(const Recipe& recipe, const ModelFacts& model) {
  const auto& [original_window, rotary_pairs, existing_sets, sliding_window, honoured_window, query_heads,
               key_heads] = model;
  RecipeProblems problems(recipe);
  check_stage_chain(
      recipe, {.original_window = original_window, .model_is_known = true, .sets = existing_sets}, problems);
  check_own_window(recipe, model, problems);
  if (recipe.model.sliding_window == SlidingWindowPolicy::kRefuse)
    check_sliding_window(recipe, sliding_window, problems);
  check_windows_on_gpu(recipe, honoured_window, problems);
  check_heads(with_ranks(recipe.mesh, 0), model, problems);
  check_head_groups(recipe, model, problems);
  std::vector<std::string> names;
  for (const SetToStartFrom& set : existing_sets) names.push_back(set.name);
  const auto exists = [&names](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const std::string& name : recipe.model.sets) {
    if (exists(name)) continue;
    const std::string nearest = nearest_word(name, names);
    problems.add("model.sets",
                 fmt::format("found {}, wanted sets that the model has: {}{}", name,
                             names.empty() ? "it has none" : join_words(names, "and"),
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
