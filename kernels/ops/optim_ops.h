// The optimizer's step and the norm it is clipped by, on flat tensors. Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropeway::ops {

struct AdamWOptions {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.0;
};
// One AdamW step (Loshchilov & Hutter 2019, decoupled decay) on flat arrays of equal length. Element by
// element: a step of parts is the step of the whole.
struct AdamWCall {
  at::Tensor master;            // F64 or F32: acc type
  at::Tensor moment1, moment2;  // acc type, or BF16 next to an F32 master
  at::Tensor gradient;          // acc type
  at::Tensor weight;            // any activation type, written with the rounded master; may be master
  AdamWOptions options;
  double gradient_scale = 1;  // multiplies the gradient first (clipping)
  int64_t step = 1;           // counts from 1 (bias correction)
};
void adamw_step(const AdamWCall& call);
// Sum of squares in F64, in an order that does not depend on the number of threads. Elements that are not
// finite make it not finite.
double sum_of_squares(const at::Tensor& flat);

// Which elements of a flat tensor are NaN or infinite.
struct NonFinite {
  int64_t count = 0, first = -1, last = -1;  // indices; -1: none is
};
// Costs one pass over the tensor where all are finite.
NonFinite find_non_finite(const at::Tensor& flat);

}  // namespace ropeway::ops
