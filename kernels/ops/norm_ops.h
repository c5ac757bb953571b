// RMSNorm (Zhang & Sennrich, "Root mean square layer normalization", 2019) on tensors, over the
// last dimension:
//   rstd = 1 / sqrt(mean(x^2) + eps),  y = x * rstd * (weight + offset)
// x is [T, C], a row per token, or [T, H, D] for norms of every head, as Qwen3 has them on queries and
// keys: the same weight [D] for all heads, which lie side by side. Tokens may be any distance apart.
// Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway::ops {

// Writes y (shape of x; may be x) and rstd [T] or [T, H] (acc type).
void rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
              const at::Tensor& rstd, double offset = 0);

struct RmsNormBackwardCall {
  at::Tensor dy;               // shape of x
  at::Tensor x, weight, rstd;  // of forward
  at::Tensor dx;               // shape of x; may be dy
  bool accumulate = false;     // dx += instead of dx =
  at::Tensor grad_weight;      // [C] or [D] in acc type, += ; undefined: not formed
  double offset = 0;           // of forward
};
void rms_norm_backward(const RmsNormBackwardCall& call);

}  // namespace ropeway::ops
