// A few optimizer steps whose summed gradients are the same, bit for bit, however many ranks share them out.
#pragma once

#include <ATen/core/Tensor.h>

#include "parallel/comm/communicator.h"
#include "parallel/zero/sharded_adamw.h"

namespace ropeway::testing {

// Weights in [-1, 1], the same on every rank.
at::Tensor initial_weights(int64_t count, at::ScalarType dtype);
// The gradient of one step, summed over the ranks: small multiples of 2^-10, so that sums are exact.
at::Tensor summed_gradient(int64_t count, at::ScalarType dtype, int64_t step);
// This rank's part of it.
void fill_gradient(Communicator& comm, const at::Tensor& gradient, int64_t step);
// Two elements of three, in runs of twenty.
inline bool decays(int64_t element) { return element % 30 >= 10; }
FlatRanges decayed_ranges(int64_t count);
ops::AdamWOptions test_options();
constexpr double kTestMaxNorm = 0.5;  // below the norm of the summed gradient of some hundred elements

// The weights after `steps` steps, exchanged over `exchange`, or over `comm` if there is none.
at::Tensor weights_after(Communicator& comm, int64_t count, at::ScalarType dtype, int64_t steps,
                         Collectives* exchange = nullptr);

}  // namespace ropeway::testing
