// Attention on a ring (Liu et al., "Ring attention with blockwise transformers", 2023). K and V travel round
// the ring un-expanded (grouped-query heads); at each hop a rank computes the block works its layout lists
// for the keys that are there, and merges the partial results by log-sum-exp in acc type. In backward K and V
// travel again, and dK, dV travel with them one hop behind, in acc type, until they are home. Two receive
// slots for each, none allocated per hop; a hop is in flight while the block before it is computed. With one
// rank this is the plain kernel.
#pragma once

#include <memory>

#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/ring_link.h"

namespace ropeway {

class RingAttention : public SequenceAttention {
 public:
  // For tensors in host memory, sent by the hops of the group.
  RingAttention(Communicator& group, Placement placement);
  // For tensors in the memory that the links send from: on a GPU, the links of NCCL or of an emulated ring
  // over this group. No call blocks the host then: all work is queued on the current stream and ordered by
  // events. Batches are laid out in chunks of a multiple of chunk_multiple tokens.
  RingAttention(Communicator& group, RingLinks links, Placement placement, int64_t chunk_multiple = 1);
  ~RingAttention() override;

  // Borders between documents and windows are computed. Refused with kConfig on a GPU: windows in sequences
  // of several documents (FlashAttention 2 cannot tell such blocks), soft caps. Where windows or borders let
  // a ring end early, keys make fewer hops, and their gradients go home in one.
  Output forward(const SequenceLayout& layout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 const ScoreForm& score) override;
  Gradients backward(const SequenceLayout& layout, const at::Tensor& d_out, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                     const ScoreForm& score) override;

  const SequenceSplit& split() const override { return split_; }
  int64_t bytes_sent() const override;
  int64_t slot_allocations() const;  // buffers made since construction: does not grow while the shape stays

 private:
  struct Slots;
  void check(const SequenceLayout& layout, const at::Tensor& q) const;
  std::unique_ptr<Hop> start_hop(RingLink& link, const at::Tensor& send, const at::Tensor& recv,
                                 int places = 1);

  RingLinks links_;
  SequenceSplit split_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace ropeway
