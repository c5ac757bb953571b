#include "trainer/stages/recipe_model.h"

#include "trainer/config/model_facts.h"
#include "trainer/family/sliding_window.h"

namespace ropeway {

ModelConfig config_of(const ModelRecipe::Architecture& shape) {
  ModelConfig config;
  config.vocab_size = shape.vocab_size;
  config.hidden_size = shape.hidden_size;
  config.intermediate_size = shape.intermediate_size;
  config.num_layers = shape.num_layers;
  config.num_heads = shape.num_heads;
  config.num_kv_heads = shape.num_kv_heads;
  config.head_dim = shape.head_dim;
  config.original_window = shape.window;
  config.rope_theta = shape.rope_theta;
  config.rms_norm_eps = shape.rms_norm_eps;
  config.initializer_range = shape.initializer_range;
  config.tie_word_embeddings = shape.tie_word_embeddings;
  return config;
}

ConfigAndSets model_of(const Recipe& recipe) {
  if (recipe.model.has_architecture) return {config_of(recipe.model.architecture), {}};
  ConfigAndSets model = read_config_and_sets(recipe.model.path);
  apply_recipe(recipe.model, model.config);
  return model;
}

void apply_sliding_window(SlidingWindowPolicy policy, ModelConfig& config) {
  if (policy == SlidingWindowPolicy::kHonour) honour_window(config);
  if (policy == SlidingWindowPolicy::kFull) attend_fully(config);
}

void apply_recipe(const ModelRecipe& recipe, ModelConfig& config) {
  if (recipe.original_window > 0) set_original_window(config, recipe.original_window);
  apply_sliding_window(recipe.sliding_window, config);
}

std::vector<std::string> errors_against_model(const Recipe& recipe, const ConfigAndSets& model) {
  ModelFacts facts{.original_window = model.config.original_window,
                   .rotary_pairs = model.config.rotary_pairs(),
                   .existing_sets = {},
                   .sliding_window = model.config.limiting_window(),
                   .honoured_window = model.config.honours_window ? model.config.sliding_window : 0,
                   .query_heads = model.config.num_heads,
                   .key_heads = model.config.num_kv_heads};
  for (const FactorSet& set : model.sets) {
    facts.existing_sets.push_back({.name = set.name,
                                   .length = set.max_length,
                                   .trained = is_trained(set) && is_for_weights(set, model.weights),
                                   .tuned = set.history.method == kTunedMethod,
                                   .keeps_original = set.history.short_share > 0,
                                   .original_window = set.original_length});
  }
  return check_recipe_against_model(recipe, facts);
}

}  // namespace ropeway
