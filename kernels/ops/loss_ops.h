// Output layer and cross-entropy in one, in tiles of tokens: the logits [T, V] never exist in full. On
// tensors; conventions: accumulation_type.h.
//
//   hidden  [T, C]
//   head    [V, C]
//   labels  [T] int64, kIgnoredLabel (kernels/loss/cross_entropy.h) where a token is not scored; in host
//           memory, or where hidden is: then the host fetches them, and waits for the GPU
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropeway::ops {

// What becomes of a product of hidden and head before it is a logit: it is divided, and where there is a cap
// it becomes cap * tanh(logit / cap).
struct LogitForm {
  double divisor = 1;
  double softcap = 0;  // 0: none
};

// The logits themselves, [T, V] in acc type: for the few tokens that text is generated from.
at::Tensor linear_logits(const at::Tensor& hidden, const at::Tensor& head, const LogitForm& form = {});

struct CrossEntropyOutput {
  at::Tensor nll;      // [T] in acc type, nats; 0 where not scored
  at::Tensor correct;  // [T] bool: the label is the arg-max; false where not scored
};
// Throws kBadData for a label outside the vocabulary.
CrossEntropyOutput linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                        const at::Tensor& labels, int64_t tile_tokens,
                                        const LogitForm& form = {});

// Forward and backward in one pass over the tiles, for loss = scale * sum(weights * nll).
struct LinearCrossEntropyCall {
  at::Tensor hidden, head, labels;
  at::Tensor weights;  // [T] in acc type; undefined: all 1
  double scale = 1;
  int64_t tile_tokens = 0;
  at::Tensor d_hidden;   // [T, C], written
  at::Tensor grad_head;  // [V, C] in acc type, += ; undefined: no weight gradient is formed
  LogitForm form{};
};
CrossEntropyOutput linear_cross_entropy_backward(const LinearCrossEntropyCall& call);

}  // namespace ropeway::ops
