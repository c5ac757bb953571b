// How two partial attention results of one query row combine: the maths shared by all devices.
#pragma once

#include <cmath>

#include "kernels/base/host_device.h"

namespace ropeway {

// For results a and b over disjoint keys with log-sum-exps lse_a and lse_b:
//   lse = log(exp(lse_a) + exp(lse_b))
//   weight_a = exp(lse_a - lse),  weight_b = exp(lse_b - lse)
//   out = weight_a * out_a + weight_b * out_b
// Exponents are taken relative to the larger of the two, so nothing overflows. A side with lse = -inf has
// no keys: its weight is 0.
template <typename Acc>
struct MergeWeights {
  Acc lse, weight_a, weight_b;
};

template <typename Acc>
ROPEWAY_HOST_DEVICE MergeWeights<Acc> merge_weights(Acc lse_a, Acc lse_b) {
  if (lse_b == -INFINITY) return {lse_a, Acc(1), Acc(0)};
  if (lse_a == -INFINITY) return {lse_b, Acc(0), Acc(1)};
  const Acc top = lse_a > lse_b ? lse_a : lse_b;
  const Acc a = std::exp(lse_a - top), b = std::exp(lse_b - top);
  const Acc sum = a + b;
  return {top + std::log(sum), a / sum, b / sum};
}

}  // namespace ropeway
