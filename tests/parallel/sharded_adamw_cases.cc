#include "tests/parallel/sharded_adamw_cases.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "kernels/base/random.h"
#include "kernels/ops/accumulation_type.h"

namespace ropeway::testing {

at::Tensor initial_weights(int64_t count, at::ScalarType dtype) {
  at::Tensor weights = at::empty({count}, at::kDouble);
  Philox random(7, Stream::kInit);
  auto* data = weights.mutable_data_ptr<double>();
  for (int64_t i = 0; i < count; ++i) data[i] = 2.0 * random.uniform() - 1.0;
  return weights.to(dtype);
}

at::Tensor summed_gradient(int64_t count, at::ScalarType dtype, int64_t step) {
  at::Tensor gradient = at::empty({count}, at::kDouble);
  auto* data = gradient.mutable_data_ptr<double>();
  for (int64_t i = 0; i < count; ++i)
    data[i] = static_cast<double>((i * 37 + step * 101) % 201 - 100) / 1024.0;
  return gradient.to(dtype);
}

// Ranks above 0 hold 1, 2, ... times 2^-10 and rank 0 the rest.
void fill_gradient(Communicator& comm, const at::Tensor& gradient, int64_t step) {
  const int size = comm.size();
  if (comm.rank() == 0) {
    gradient.copy_(summed_gradient(gradient.numel(), gradient.scalar_type(), step));
    gradient.sub_(size * (size - 1) / 2 / 1024.0);
  } else {
    gradient.fill_(comm.rank() / 1024.0);
  }
}

FlatRanges decayed_ranges(int64_t count) {
  FlatRanges ranges;
  for (int64_t i = 0; i < count; ++i) {
    if (decays(i)) ranges.add({i, i + 1});
  }
  return ranges;
}

ops::AdamWOptions test_options() {
  return {.learning_rate = 3e-3, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1};
}

at::Tensor weights_after(Communicator& comm, int64_t count, at::ScalarType dtype, int64_t steps,
                         Collectives* exchange) {
  const at::Tensor weights = initial_weights(count, dtype);
  const at::Tensor gradient = at::zeros({count}, ops::accumulation_type(dtype));
  ShardedAdamW optimizer(exchange ? *exchange : comm, weights, gradient, decayed_ranges(count));
  for (int64_t step = 0; step < steps; ++step) {
    fill_gradient(comm, gradient, step);
    optimizer.step(test_options(), kTestMaxNorm);
  }
  return weights;
}

}  // namespace ropeway::testing
