// The matrix products of a block, on tiles of tokens and into memory that is already there. Weights are [out,
// in] as in Hugging Face checkpoints. Activations are F64, F32 or BF16; weight gradients are summed in F64 or
// F32.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/ops/matmul.h"

namespace ropeway {

// y [T, out] = x [T, in] * w^T.
inline void linear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& y) {
  ops::matmul(x, w.t(), y);
}

// y [T, out] = residual + x * w^T. One rounding to the activation's dtype, where a separate addition would
// have two.
inline void linear_plus(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& w,
                        const at::Tensor& y) {
  y.copy_(residual);
  ops::matmul_add(x, w.t(), y);
}

// dx [T, in] = dy [T, out] * w.
inline void linear_input_gradient(const at::Tensor& dy, const at::Tensor& w, const at::Tensor& dx) {
  ops::matmul(dy, w, dx);
}

// grad [out, in] += dy^T * x. An undefined grad asks for none. The products of BF16 operands are
// summed in F32 over the whole batch, and nothing is rounded to BF16 on the way.
inline void linear_weight_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& grad) {
  if (!grad.defined()) return;
  ops::matmul_add(dy.t(), x, grad);
}

}  // namespace ropeway
