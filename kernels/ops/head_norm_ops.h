// RMSNorm of every head of every token, one weight [D] for all heads, as Qwen3 has it on queries and keys;
// the maths is that of norm_ops.h over the D dims of a head. Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway::ops {

// x, y [T, H, D]: heads side by side, tokens at any distance; y may be x. Writes y and rstd
// [T, H] (acc type).
void head_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& y,
               const at::Tensor& rstd);
// In place on dy [T, H, D]: d loss / d x. Adds the weight's gradient to grad_weight [D] (acc type;
// undefined: not formed).
void head_norm_backward_(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& rstd, const at::Tensor& grad_weight);

}  // namespace ropeway::ops
