#include "trainer/model/initial_weights.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <cmath>

#include "kernels/base/random.h"
#include "trainer/model/parameter_store.h"

namespace ropeway {

void initialize_weights(ParameterStore& store, const ModelConfig& config, uint64_t seed) {
  const double range = config.initializer_range;
  const double residual_range = range / std::sqrt(2.0 * static_cast<double>(config.num_layers));
  const std::vector<NamedShape>& names = store.names();
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& [name, shape] = names[i];
    if (shape.size() == 1) {
      store.set_weight(
          name, at::full(shape, name.ends_with(".bias") ? 0.0 : 1 - config.norm_offset(), at::kDouble));
      continue;
    }
    const bool residual =
        name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight") || name.ends_with(".w2.weight");
    Philox draws(seed, Stream::kInit, i);
    const at::Tensor values = at::empty(shape, at::kDouble);
    double* v = values.data_ptr<double>();
    for (int64_t j = 0; j < values.numel(); ++j) v[j] = draws.normal() * (residual ? residual_range : range);
    store.set_weight(name, values);
  }
}

}  // namespace ropeway
