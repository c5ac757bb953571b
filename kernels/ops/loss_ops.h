// Output layer and cross-entropy in one, in tiles of tokens: the logits [T, V] never exist in full. On
// tensors; conventions: accumulation_type.h.
//
//   hidden   [T, C]
//   head     [V, C]
//   labels   [T] int64, kIgnoredLabel (kernels/loss/cross_entropy.h) where a token is not scored; in host
//            memory, or where hidden is: then the host fetches them, and waits for the GPU
//   weights  [T] in acc type, or undefined: all 1
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropeway::ops {

struct CrossEntropyOutput {
  at::Tensor nll;      // [T] in acc type, nats; 0 where not scored
  at::Tensor correct;  // [T] bool: the label is the arg-max; false where not scored
};
// Throws kBadData for a label outside the vocabulary.
CrossEntropyOutput linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                        const at::Tensor& labels, int64_t tile_tokens);
// Forward and backward in one pass over the tiles. With loss = scale * sum(weights * nll): writes d_hidden
// [T, C] and adds to grad_head [V, C] (acc type; undefined: no weight gradient is formed).
CrossEntropyOutput linear_cross_entropy_backward(const at::Tensor& hidden, const at::Tensor& head,
                                                 const at::Tensor& labels, const at::Tensor& weights,
                                                 double scale, int64_t tile_tokens,
                                                 const at::Tensor& d_hidden, const at::Tensor& grad_head);

}  // namespace ropeway::ops
