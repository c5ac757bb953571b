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

}  // namespace ropeway
