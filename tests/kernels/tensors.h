// What the kernel tests share: reproducible random tensors, distances, and gradients by central differences.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/base/random.h"

namespace ropeway::testing {

// Normal numbers from Philox, rounded to `type`.
inline at::Tensor random_tensor(at::IntArrayRef sizes, at::ScalarType type, uint64_t seed,
                                double scale = 1.0) {
  const at::Tensor tensor = at::empty(sizes, at::kDouble);
  Philox random(seed, Stream::kInit);
  double* const data = tensor.data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = scale * random.normal();
  return tensor.to(type);
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return a.numel() == 0 ? 0.0 : (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

// |a - b| / |b| in the 2-norm.
inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return ((a.to(at::kDouble) - b.to(at::kDouble)).norm() / b.to(at::kDouble).norm()).item<double>();
}

// Rounding to bfloat16 (8 significant bits: 1 implied, 7 stored) changes a value by at most this share of it.
inline constexpr double kBF16Roundoff = 0x1p-8;

// Every element of a bfloat16 result that was computed in float and rounded once. float_error, per element,
// is what the computation before the rounding may be off by.
inline void expect_rounded_once(const at::Tensor& bf16, const at::Tensor& exact,
                                const at::Tensor& float_error) {
  ASSERT_EQ(bf16.scalar_type(), at::kBFloat16);
  const at::Tensor allowed = exact.abs() * kBF16Roundoff + float_error * (1 + kBF16Roundoff);
  const at::Tensor excess = (bf16.to(at::kDouble) - exact).abs() - allowed;
  EXPECT_LE(excess.max().item<double>(), 0.0);
}

// d loss / d x by central differences; x is F64, contiguous, and is moved in place and put back.
inline at::Tensor central_differences(const at::Tensor& x, double step, const std::function<double()>& loss) {
  const at::Tensor gradient = at::zeros_like(x);
  double* const value = x.data_ptr<double>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double kept = value[i];
    value[i] = kept + step;
    const double above = loss();
    value[i] = kept - step;
    const double below = loss();
    value[i] = kept;
    gradient.data_ptr<double>()[i] = (above - below) / (2 * step);
  }
  return gradient;
}

}  // namespace ropeway::testing
