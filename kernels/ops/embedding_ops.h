// The gradient of the embedding table. Conventions: accumulation_type.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway::ops {

// grad_embedding [V, C] (acc type) gets, for t = 0, 1, ..., += d_rows[t] at row tokens[t]: d_rows
// [T, C], tokens [T] int64 in [0, V), which the caller has checked. The same sum, bit for bit, every
// time, on CUDA too.
void embedding_gradient(const at::Tensor& d_rows, const at::Tensor& tokens, const at::Tensor& grad_embedding);

}  // namespace ropeway::ops
