// Attention over heads (Jacobs et al., "DeepSpeed Ulysses", 2023) within a group of ranks, and a ring over
// the groups: P neighbours hold the rows of one place of the ring. Before attention they exchange, all to
// all, so that each has all rows of the place for H / P of the query heads and the key heads these need; what
// the ring makes of them is exchanged back. With one group it is attention over heads alone.
//
// Grouped queries: with P <= K a rank has K / P key heads; with more ranks than key heads P / K neighbours
// have the same one, and their shares of its gradient are added where its rows are, in rank order.
//
// Unlike the ring's hops the exchange is waited for. Beside what the ring holds it needs the rows in transit
// twice: what is sent, and what is received.
#pragma once

#include <memory>
#include <vector>

#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/collectives.h"

namespace ropeway {

class HeadAttention : public SequenceAttention {
 public:
  // heads: the neighbours, with verbs for the memory of the tensors; `over_ring`: attention over the places
  // of the ring, whose layouts are those of SequenceSplit::over_ring(). The ranks of both together are
  // numbered as Mesh does.
  HeadAttention(std::shared_ptr<Collectives> heads, std::unique_ptr<SequenceAttention> over_ring);
  ~HeadAttention() override;

  // lse is what backward wants: [B, H / P, P * n], of the rank's own heads. Throws kConfig for heads that
  // cannot be shared.
  Output forward(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 const ScoreForm& score) override;
  Gradients backward(const SequenceLayout& layout, const at::Tensor& d_out, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                     const ScoreForm& score) override;

  const SequenceSplit& split() const override { return split_; }
  int64_t bytes_sent() const override { return bytes_sent_ + over_ring_->bytes_sent(); }

 private:
  void check(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k) const;
  at::Tensor exchanged(const at::Tensor& send);
  at::Tensor rows_for_heads(const std::vector<at::Tensor>& tensors);
  at::Tensor heads_for_rows(const std::vector<at::Tensor>& tensors);

  std::shared_ptr<Collectives> heads_;
  std::unique_ptr<SequenceAttention> over_ring_;
  SequenceSplit split_;
  int64_t bytes_sent_ = 0;
};

}  // namespace ropeway
