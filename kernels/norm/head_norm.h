// RMSNorm of every head of every token, as Qwen3 has it on queries and keys before RoPE: the same weight [D]
// for all heads, statistics over the D dims of one head.
//   rstd = 1 / sqrt(mean_D(x^2) + eps),  y = x * rstd * weight
// Element types as in rms_norm.h.
#pragma once

#include <cstdint>

#include "kernels/base/element.h"

namespace ropeway {

// Tokens are rows of heads x head_dim contiguous elements; the distance between rows is given
// with each pointer.
struct HeadNormShape {
  int64_t tokens = 0, heads = 0, head_dim = 0;
};

// rstd [tokens, heads]; y may be x.
template <typename T>
void head_norm_forward(const T* x, int64_t x_token_stride, const T* weight, double eps,
                       const HeadNormShape& shape, T* y, int64_t y_token_stride, accumulation_t<T>* rstd);

// dy: d loss / d y on entry, d loss / d x on return.
template <typename T>
struct HeadNormGradient {
  HeadNormShape shape;
  T* dy = nullptr;
  int64_t dy_token_stride = 0;
  const T* x = nullptr;  // input of forward
  int64_t x_token_stride = 0;
  const T* weight = nullptr;                 // [head_dim]
  const accumulation_t<T>* rstd = nullptr;   // [tokens, heads], from forward
  accumulation_t<T>* grad_weight = nullptr;  // [head_dim], += ; null: not formed
};
template <typename T>
void head_norm_backward(const HeadNormGradient<T>& call);

}  // namespace ropeway
