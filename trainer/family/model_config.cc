#include "trainer/family/model_config.h"

#include "trainer/family/weight_names.h"

namespace ropeway {

int64_t ModelConfig::num_parameters() const {
  int64_t total = 0;
  for (const NamedShape& named : weight_names(*this)) {
    int64_t count = 1;
    for (const int64_t dim : named.shape) count *= dim;
    total += count;
  }
  return total;
}

void set_original_window(ModelConfig& config, int64_t window) {
  if (window == config.original_window) return;
  if (config.max_position_embeddings == 0) config.max_position_embeddings = config.original_window;
  config.original_window = window;
}

}  // namespace ropeway
