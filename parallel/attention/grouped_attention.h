// Attention by groups of heads, one after the other: what it needs beside its inputs and results (slots of
// the ring, rows in transit, sums in acc type) it needs for one group at a time (the idea of "Untied
// Ulysses", 2026). Every group is a whole round of the ring, over a share of the bytes.
#pragma once

#include <memory>

#include "parallel/attention/sequence_attention.h"

namespace ropeway {

class GroupedAttention : public SequenceAttention {
 public:
  // Key heads and their query heads, in `groups` equal parts.
  GroupedAttention(std::unique_ptr<SequenceAttention> attention, int groups);
  ~GroupedAttention() override;

  // lse: that of the attention underneath, group behind group. Throws kConfig where `groups` do not divide
  // the key heads.
  Output forward(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 const ScoreForm& score) override;
  Gradients backward(const SequenceLayout& layout, const at::Tensor& d_out, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                     const ScoreForm& score) override;

  const SequenceSplit& split() const override { return attention_->split(); }
  int64_t bytes_sent() const override { return attention_->bytes_sent(); }

 private:
  at::Tensor part(const at::Tensor& t, int dim, int group) const;

  std::unique_ptr<SequenceAttention> attention_;
  int groups_;
};

}  // namespace ropeway
