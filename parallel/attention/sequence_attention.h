// Attention of sequences whose tokens are spread over the ranks of a group. What may see what is the layout's
// business; how keys, values and gradients travel is the implementation's. The model knows this interface
// alone.
//
// Shapes: B sequences, n local tokens each, H query heads, K key/value heads, D head_dim.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "parallel/layout/sequence_layout.h"

namespace ropeway {

// How a score is made of a query and a key: scale * q.k, or cap * tanh(scale * q.k / cap).
struct ScoreForm {
  double scale = 1;
  double softcap = 0;  // 0: none
  ScoreForm(double scale, double softcap = 0) : scale(scale), softcap(softcap) {}
};

class SequenceAttention {
 public:
  struct Output {
    at::Tensor out;  // [B, n, H, D], dtype of q
    at::Tensor lse;  // [B, H, n], acc type
  };
  struct Gradients {
    at::Tensor dq;      // [B, n, H, D], acc type; on one rank in the type the kernel gives (attention_ops.h)
    at::Tensor dk, dv;  // [B, n, K, D], likewise
  };

  virtual ~SequenceAttention() = default;

  // Collective over the group. q [B, n, H, D], k, v [B, n, K, D]: the rows `layout` says this rank holds,
  // innermost dimension contiguous, other strides free. The layout is one of this split(). Throws kConfig for
  // a layout that the implementation cannot compute.
  virtual Output forward(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k,
                         const at::Tensor& v, const ScoreForm& score) = 0;
  // out and lse: what forward returned for the same q, k, v.
  virtual Gradients backward(const SequenceLayout& layout, const at::Tensor& d_out, const at::Tensor& q,
                             const at::Tensor& k, const at::Tensor& v, const at::Tensor& out,
                             const at::Tensor& lse, const ScoreForm& score) = 0;

  // How it wants sequences shared by the ranks: batches are laid out by it.
  virtual const SequenceSplit& split() const = 0;
  virtual int64_t bytes_sent() const = 0;  // by this rank since construction, for reports
};

}  // namespace ropeway
