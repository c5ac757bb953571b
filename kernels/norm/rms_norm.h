// RMSNorm (Zhang & Sennrich, "Root mean square layer normalization", 2019), row by row:
//   rstd = 1 / sqrt(mean(x^2) + eps),  y = x * rstd * weight.
// Element types: double, float, bfloat16 (x, y, weight alike); acc is double for double, else float. The
// result is rounded once, after the weight.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace ropeway {

// x, y: rows of `channels` contiguous elements, x_stride and y_stride elements apart; rstd
// [rows]; y may be x.
template <typename T>
void rms_norm_forward(const T* x, int64_t x_stride, const T* weight, double eps, int64_t rows,
                      int64_t channels, T* y, int64_t y_stride, accumulation_t<T>* rstd);

template <typename T>
struct RmsNormGradient {
  const T* dy = nullptr;  // [rows, channels]
  int64_t dy_stride = 0;
  const T* x = nullptr;  // input of forward
  int64_t x_stride = 0;
  const T* weight = nullptr;                // [channels]
  const accumulation_t<T>* rstd = nullptr;  // [rows], from forward
  int64_t rows = 0, channels = 0;
  T* dx = nullptr;  // [rows, channels]; may be dy
  int64_t dx_stride = 0;
  bool accumulate = false;                   // dx += instead of dx =
  accumulation_t<T>* grad_weight = nullptr;  // [channels], += ; null: not formed
};
// dx = rstd * (weight*dy - x * rstd^2 * mean(weight*dy*x)),  grad_weight += sum over rows of dy * x * rstd.
template <typename T>
void rms_norm_backward(const RmsNormGradient<T>& call);

}  // namespace ropeway
