// The type an operation computes in, and what all operations of this folder (*_ops.h) have in common:
//
//   - at::Tensor in, checks, one dispatch on element type and device: CPU, or CUDA (queued on the current
//     stream).
//   - All tensors of a call are on one device, unless stated otherwise.
//   - Activations are F64, F32 or BF16. Statistics and sums ("acc") are F64 for F64 activations, F32 for the
//     others.
//   - Nothing records autograd history; every backward is a function of its own.
//   - A wrong shape, type or device throws kInternal with the operation's name.
//
// Shapes: T tokens (the sequences of a batch, one after another), C channels, H query heads, K key/value
// heads, D head_dim, R rotary dims (even, R <= D), I intermediate channels, V vocabulary.
#pragma once

#include <c10/core/ScalarType.h>

namespace ropeway::ops {

inline at::ScalarType accumulation_type(at::ScalarType activation) {
  return activation == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace ropeway::ops
