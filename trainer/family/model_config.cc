#include "trainer/family/model_config.h"

#include "trainer/family/families.h"
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

void take_traits(const Family& family, ModelConfig& config) {
  config.model_type = family.model_type;
  config.qk_norm = family.qk_norm;
  config.whole_qk_norm = family.whole_qk_norm;
  config.input_norms = !family.norms.attention_in.empty();
  config.output_norms = !family.norms.attention_out.empty();
  config.offset_norms = family.offset_norms;
  config.gelu_gate = family.gelu_gate;
  config.interleaved_rope = family.interleaved_rope;
  config.rounded_embedding_multiplier = family.scaled_embeddings;
  config.honours_window = family.sliding_window == SlidingWindowKeys::kPattern;
}

}  // namespace ropeway
