// RMSNorm (Zhang & Sennrich, "Root mean square layer normalization", 2019) of every token, on tensors:
//   rstd = 1 / sqrt(mean(x^2) + eps),  y = x * rstd * weight
// Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway::ops {

// x, y [T, C] (y may be x); weight [C]; rstd [T] in acc type. Writes y and rstd.
void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
              const at::Tensor& rstd);
// Writes d loss / d x to dx [T, C], or adds it there if `accumulate`; adds the weight's gradient to
// grad_weight [C] (acc type; undefined: not formed).
void rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                       const at::Tensor& rstd, const at::Tensor& dx, bool accumulate,
                       const at::Tensor& grad_weight);

}  // namespace ropeway::ops
