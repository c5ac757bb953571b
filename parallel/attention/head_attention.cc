#include "parallel/attention/head_attention.h"

#include <ATen/ops/empty.h>

#include "kernels/base/error.h"
#include "parallel/board/position.h"
#include "parallel/layout/head_shares.h"

namespace ropeway {
namespace {

// Of a tensor [B, n, heads, D]: how many of them each of `ranks` ranks has.
int64_t heads_of_rank(const at::Tensor& t, int ranks) { return ropeway::heads_of_rank(t.size(2), ranks); }

// dst [P, B, n, h, D]: for each of P ranks the heads of t [B, n, heads, D] that it has.
void deal(const at::Tensor& t, const at::Tensor& dst) {
  const int64_t ranks = dst.size(0), heads = t.size(2), own = dst.size(3);
  if (heads >= ranks) {
    dst.copy_(t.unflatten(2, {ranks, own}).permute({2, 0, 1, 3, 4}));
  } else {  // [K, P / K, B, n, 1, D]: neighbours have the same one
    dst.unflatten(0, {heads, ranks / heads}).copy_(t.permute({2, 0, 1, 3}).unsqueeze(1).unsqueeze(4));
  }
}

// The inverse of deal(): src [P, B, n, h, D] -> [B, n, heads, D]; of a head that several ranks have their
// sum.
at::Tensor collected(const at::Tensor& src, int64_t heads) {
  const int64_t ranks = src.size(0);
  if (heads >= ranks) return src.permute({1, 2, 0, 3, 4}).flatten(2, 3).contiguous();
  const at::Tensor shares = src.unflatten(0, {heads, ranks / heads});  // [K, P / K, B, n, 1, D]
  const at::Tensor sum = shares.select(1, 0).clone();
  for (int64_t i = 1; i < ranks / heads; ++i) sum.add_(shares.select(1, i));
  return sum.squeeze(3).permute({1, 2, 0, 3}).contiguous();
}

// Consecutive heads of t [B, n, heads, D], from `first` on, which is moved on.
at::Tensor next_heads(const at::Tensor& t, int64_t& first, int64_t count) {
  const at::Tensor part = t.narrow(2, first, count);
  first += count;
  return part;
}

}  // namespace

HeadAttention::HeadAttention(std::shared_ptr<Collectives> heads, std::unique_ptr<SequenceAttention> over_ring)
    : heads_(std::move(heads)), over_ring_(std::move(over_ring)) {
  const SequenceSplit& ring = over_ring_->split();
  const int neighbours = heads_->size();
  ROPEWAY_CHECK(ring.heads == 1 && ring.chunk_multiple % neighbours == 0,
                "{} ranks cannot divide chunks of a multiple of {} tokens", neighbours, ring.chunk_multiple);
  split_ = {.ranks = ring.ranks * neighbours,
            .rank = ring.rank * neighbours + heads_->rank(),
            .placement = ring.placement,
            .chunk_multiple = ring.chunk_multiple / neighbours,
            .heads = neighbours};
}
HeadAttention::~HeadAttention() = default;

void HeadAttention::check(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k) const {
  const SequenceSplit& split = layout.split();
  ROPEWAY_CHECK(split.ranks == split_.ranks && split.rank == split_.rank && split.heads == split_.heads,
                "a layout for rank {} of {} with heads over {}, on rank {} of {} with heads over {}",
                split.rank, split.ranks, split.heads, split_.rank, split_.ranks, split_.heads);
  ROPEWAY_CHECK(q.size(0) == layout.num_sequences() && q.size(1) == layout.local_length(),
                "attention of {} sequences of {} local tokens with a layout of {} of {}", q.size(0),
                q.size(1), layout.num_sequences(), layout.local_length());
  if (can_share_heads(q.size(2), k.size(2), split_.heads)) return;
  fail(ErrorKind::kConfig,
       "{} ranks cannot share {} query and {} key heads: wanted a divisor of the query heads that divides "
       "the key "
       "heads or is a multiple of them",
       split_.heads, q.size(2), k.size(2));
}

at::Tensor HeadAttention::exchanged(const at::Tensor& send) {
  const at::Tensor recv = at::empty(send.sizes(), send.options());
  const auto bytes = static_cast<int64_t>(send.nbytes()) / split_.heads;
  bytes_sent_ += bytes * (split_.heads - 1);
  const Waiting waiting(WaitFor::kRing, "heads");
  heads_->all_to_all(send.const_data_ptr(), recv.mutable_data_ptr(), bytes);
  return recv;
}

// Of tensors [B, n, heads, D] of all heads: [B, P * n, heads of all of them of this rank, D].
at::Tensor HeadAttention::rows_for_heads(const std::vector<at::Tensor>& tensors) {
  const int ranks = split_.heads;
  int64_t own = 0;
  for (const at::Tensor& t : tensors) own += heads_of_rank(t, ranks);
  const at::Tensor& like = tensors.front();
  const int64_t batch = like.size(0), rows = like.size(1), dim = like.size(3);
  at::Tensor send = at::empty({ranks, batch, rows, own, dim}, like.options());
  int64_t first = 0;
  for (const at::Tensor& t : tensors) {
    const int64_t count = heads_of_rank(t, ranks);
    deal(t, send.narrow(3, first, count));
    first += count;
  }
  const at::Tensor recv = exchanged(send);
  send = at::Tensor();
  return recv.transpose(0, 1).reshape({batch, ranks * rows, own, dim});
}

// Of tensors [B, P * n, heads of this rank, D]: [P, B, n, heads of all of them, D], by the rank that has
// them.
at::Tensor HeadAttention::heads_for_rows(const std::vector<at::Tensor>& tensors) {
  const int ranks = split_.heads;
  int64_t own = 0;
  for (const at::Tensor& t : tensors) own += t.size(2);
  const at::Tensor& like = tensors.front();
  const int64_t batch = like.size(0), rows = like.size(1) / ranks, dim = like.size(3);
  const at::Tensor send = at::empty({ranks, batch, rows, own, dim}, like.options());
  int64_t first = 0;
  for (const at::Tensor& t : tensors) {
    send.narrow(3, first, t.size(2)).copy_(t.unflatten(1, {ranks, rows}).transpose(0, 1));
    first += t.size(2);
  }
  return exchanged(send);
}

HeadAttention::Output HeadAttention::forward(const SequenceLayout& layout, const at::Tensor& q,
                                             const at::Tensor& k, const at::Tensor& v,
                                             const ScoreForm& score) {
  check(layout, q, k);
  Output of_heads;
  {
    const at::Tensor rows = rows_for_heads({q, k, v});
    const int64_t keys = heads_of_rank(k, split_.heads);
    int64_t first = 0;
    const at::Tensor own_q = next_heads(rows, first, heads_of_rank(q, split_.heads));
    const at::Tensor own_k = next_heads(rows, first, keys), own_v = next_heads(rows, first, keys);
    of_heads = over_ring_->forward(layout.over_ring(), own_q, own_k, own_v, score);
  }
  const at::Tensor received = heads_for_rows({of_heads.out});
  of_heads.out = at::Tensor();
  return {collected(received, q.size(2)), of_heads.lse};
}

HeadAttention::Gradients HeadAttention::backward(const SequenceLayout& layout, const at::Tensor& d_out,
                                                 const at::Tensor& q, const at::Tensor& k,
                                                 const at::Tensor& v, const at::Tensor& out,
                                                 const at::Tensor& lse, const ScoreForm& score) {
  check(layout, q, k);
  const int64_t queries = heads_of_rank(q, split_.heads), keys = heads_of_rank(k, split_.heads);
  Gradients of_heads;
  {
    const at::Tensor rows = rows_for_heads({d_out, q, k, v, out});
    int64_t first = 0;
    const at::Tensor own_d_out = next_heads(rows, first, queries), own_q = next_heads(rows, first, queries);
    const at::Tensor own_k = next_heads(rows, first, keys), own_v = next_heads(rows, first, keys);
    const at::Tensor own_out = next_heads(rows, first, queries);
    of_heads = over_ring_->backward(layout.over_ring(), own_d_out, own_q, own_k, own_v, own_out, lse, score);
  }
  const at::Tensor received = heads_for_rows({of_heads.dq, of_heads.dk, of_heads.dv});
  of_heads = {};
  const auto part = [&](int64_t first, int64_t count, int64_t heads) {
    return collected(received.narrow(3, first, count), heads);
  };
  return {part(0, queries, q.size(2)), part(queries, keys, k.size(2)), part(queries + keys, keys, k.size(2))};
}

}  // namespace ropeway
