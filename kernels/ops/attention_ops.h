// Attention of a block of queries against a block of keys and values, on tensors, and the merge of such
// partial results. Conventions: accumulation_type.h; B sequences, Nq queries and Nk keys of each.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway::ops {

// What a query of a block sees beside what `causal` says, and how large a score becomes.
struct AttentionLimits {
  int64_t offset = 0, window = 0;  // query i sees key j when 0 <= offset + i - j < window; window 0: no limit
  double softcap = 0;              // scores become cap * tanh(scale * q.k / cap); 0: they stay
};

struct AttentionOutput {
  at::Tensor out;  // [B, H, Nq, D] in q's dtype
  at::Tensor lse;  // [B, H, Nq] in acc type: natural log of the sum over keys of exp(scale * q.k)
};
// q [B, H, Nq, D], k and v [B, K, Nk, D], with any strides but the innermost, which is 1; H is a multiple of
// K (grouped queries). causal: for a diagonal block, Nq == Nk. Without keys: out 0, lse -inf. On CUDA a
// window wants as many queries as keys, each of which sees and is seen; a soft cap throws kConfig there.
AttentionOutput block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal,
                                double scale, const AttentionLimits& limits = {});

// In acc type on the CPU; on CUDA in q's dtype, as libtorch's operators round them: a block's share is
// rounded once, and whoever sums shares sums them in acc type.
struct AttentionGradients {
  at::Tensor dq;      // [B, H, Nq, D]
  at::Tensor dk, dv;  // [B, K, Nk, D]
};
// The block's share of the gradients, given the MERGED out and lse of whole rows: the softmax weights within
// the block are exp(scale * q.k - lse) with the row's own lse.
struct AttentionBackwardCall {
  at::Tensor d_out;    // as out
  at::Tensor q, k, v;  // of forward
  at::Tensor out;      // [B, H, Nq, D] in q's dtype, or in acc type as it was merged
  at::Tensor lse;      // [B, H, Nq]
  bool causal = false;
  double scale = 1;
  AttentionLimits limits{};
};
AttentionGradients block_attention_backward(const AttentionBackwardCall& call);

// Merges a partial result into the running one, in place: out_acc [B, H, N, D] and lse_acc [B, H,
// N] in acc type. With
//   lse = max + log(sum of exp(. - max))
// nothing overflows, and a row whose lse is -inf on one side takes the other side.
void merge_attention_(const at::Tensor& out_acc, const at::Tensor& lse_acc, const at::Tensor& out_block,
                      const at::Tensor& lse_block);

// Memory for [B, H, N, D] laid out as [B, N, H, D], the order of the layers before and after attention.
at::Tensor token_major(at::IntArrayRef sizes, const at::TensorOptions& options);

}  // namespace ropeway::ops
