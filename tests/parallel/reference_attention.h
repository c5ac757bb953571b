// A second SequenceAttention, as unlike the ring as can be: every rank gathers all keys and values and
// computes its own rows by the definition of attention, in double precision, in one piece. Of the layout it
// reads what the sequences are (borders, window) and who holds which positions; it knows no block works, no
// hops and no merging. Slow, and with all scores in memory: an oracle.
#pragma once

#include <vector>

#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/communicator.h"

namespace ropeway::testing {

// The rule, written out: may the query at this position see the key at that one?
bool is_visible(const SequenceSpec& sequence, int64_t query, int64_t key);

class ReferenceAttention : public SequenceAttention {
 public:
  ReferenceAttention(Communicator& group, Placement placement, int64_t chunk_multiple = 1);
  ReferenceAttention(Communicator& group, const SequenceSplit& split) : group_(group), split_(split) {}

  Output forward(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 const ScoreForm& score) override;
  Gradients backward(const SequenceLayout& layout, const at::Tensor& d_out, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                     const ScoreForm& score) override;

  const SequenceSplit& split() const override { return split_; }
  int64_t bytes_sent() const override { return bytes_sent_; }

 private:
  // Rows of all ranks, put where their positions are: t [B, n, K, D] -> [B, S, K, D] F64.
  at::Tensor gathered(const SequenceLayout& layout, const at::Tensor& t);
  // The inverse of gathered() for what every rank has a share of: sums the shares and takes the own rows.
  at::Tensor own_rows_of_sum(const SequenceLayout& layout, const at::Tensor& whole) const;

  Communicator& group_;
  SequenceSplit split_;
  int64_t bytes_sent_ = 0;
};

}  // namespace ropeway::testing
