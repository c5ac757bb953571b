// RMSNorm (Zhang & Sennrich, "Root mean square layer normalization", 2019), row by row:
//   rstd = 1 / sqrt(mean(x^2) + eps),  y = x * rstd * (weight + offset)
// A row is a token, or one head of a token (norms of queries and keys), which lie at two distances:
// RowLayout. Element types: double, float, bfloat16 (x, y, weight alike); acc is double for double, else
// float. The result is rounded once, after the weight.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"
#include "kernels/norm/row_layout.h"

namespace ropeway {

// Rows are of `channels` contiguous elements.
template <typename T>
struct RmsNormForward {
  const T* x = nullptr;
  RowLayout x_rows;
  const T* weight = nullptr;  // [channels]
  double offset = 0;          // Gemma keeps what its weights are above 1
  double eps = 0;
  int64_t rows = 0, channels = 0;
  T* y = nullptr;  // may be x
  RowLayout y_rows;
  accumulation_t<T>* rstd = nullptr;  // [rows], written
};
template <typename T>
void rms_norm_forward(const RmsNormForward<T>& call);

template <typename T>
struct RmsNormBackward {
  const T* dy = nullptr;
  RowLayout dy_rows;
  const T* x = nullptr;  // input of forward
  RowLayout x_rows;
  const T* weight = nullptr;                // [channels]
  double offset = 0;                        // of forward
  const accumulation_t<T>* rstd = nullptr;  // [rows], from forward
  int64_t rows = 0, channels = 0;
  T* dx = nullptr;  // may be dy
  RowLayout dx_rows;
  bool accumulate = false;                   // dx += instead of dx =
  accumulation_t<T>* grad_weight = nullptr;  // [channels], += ; null: not formed
};
// With u = (weight + offset) * dy:
//   dx = rstd * (u - x * rstd^2 * mean(u * x)),  grad_weight += sum over rows of dy * x * rstd
template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& call);

}  // namespace ropeway
