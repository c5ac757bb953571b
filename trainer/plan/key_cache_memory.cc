#include "trainer/plan/key_cache_memory.h"

#include <algorithm>

#include "trainer/config/evaluate_recipe.h"
#include "trainer/config/generated_tasks.h"

namespace ropeway {

SlidingKeys sliding_keys(const ModelConfig& config) {
  const int64_t spare = std::max<int64_t>(1, config.sliding_window / 8);
  return {config.sliding_window + spare, config.sliding_window + 2 * spare};
}

int64_t key_cache_bytes(const ModelConfig& config, int64_t length, int ranks, int64_t element_bytes,
                        bool unrotated) {
  const int64_t share = (length + ranks - 1) / ranks;
  const int64_t sliding = std::min(share, sliding_keys(config).at_most);
  int64_t rows = 0;  // of all tensors
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const int64_t tensors = 2 + (unrotated && config.takes_factors(layer) ? 1 : 0);
    rows += tensors * (config.window_of_layer(layer) > 0 ? sliding : share);
  }
  return rows * config.num_kv_heads * config.head_dim * element_bytes;
}

int64_t generated_length(const EvaluateRecipe& evaluate) {
  const bool generates = std::ranges::any_of(evaluate.benchmarks.ruler, is_generated);
  return generates && !evaluate.lengths.empty() ? std::ranges::max(evaluate.lengths) : 0;
}

}  // namespace ropeway
