// The matrix products of a block, on tiles of tokens and into memory that is already there. Weights are [out,
// in] as in Hugging Face checkpoints, biases [out]; an undefined bias is none. Activations are F64, F32 or
// BF16; weight gradients are summed in F64 or F32.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>

#include "kernels/ops/matmul.h"

namespace ropeway {

// y [T, out] = x [T, in] * w^T + bias, rounded once.
inline void linear(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias, const at::Tensor& y) {
  if (bias.defined()) {
    y.copy_(bias.unsqueeze(0).expand_as(y));
    ops::matmul_add(x, w.t(), y);
  } else {
    ops::matmul(x, w.t(), y);
  }
}

// y [T, out] = residual + x * w^T + bias. The product is added with one rounding to the activation's dtype,
// where a separate addition would have two.
inline void linear_plus(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& w,
                        const at::Tensor& bias, const at::Tensor& y) {
  if (bias.defined()) {
    at::Tensor out = y;
    at::add_out(out, residual, bias);
  } else {
    y.copy_(residual);
  }
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

// grad [out] += the sum of dy [T, out] over tokens, in the gradient's type. An undefined grad asks for none.
inline void bias_gradient(const at::Tensor& dy, const at::Tensor& grad) {
  if (grad.defined()) grad.add_(dy.sum({0}, false, grad.scalar_type()));
}

}  // namespace ropeway
