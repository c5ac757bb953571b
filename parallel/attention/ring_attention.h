// Causal attention over a sequence whose tokens are spread over the ranks of a group (Liu et al., "Ring
// attention with blockwise transformers", 2023). K and V travel round the ring un-expanded (grouped-query
// heads); partial results are merged by log-sum-exp in acc type. In backward K and V travel again, and dK, dV
// travel with them one hop behind, in acc type, until they are home. Two receive slots for each, none
// allocated per hop; a hop is in flight while the block before it is computed. With one rank this is the
// plain kernel.
//
// Shapes: B sequences, n local tokens, H query heads, K key/value heads, D head_dim.
#pragma once

#include <ATen/core/Tensor.h>

#include "parallel/comm/communicator.h"
#include "parallel/comm/ring_link.h"
#include "parallel/layout/placement.h"

namespace ropeway {

class RingAttention {
 public:
  // Tensors in host memory; what travels takes the hops of the group.
  RingAttention(Communicator& group, Placement placement);
  // Tensors where the links' hops are at home: on a GPU, the links of NCCL or of an emulated ring over this
  // group. Nothing in a call holds the host up then: all is queued on the current stream and put in order by
  // events. Chunks of a sequence are to be multiples of chunk_multiple tokens.
  RingAttention(Communicator& group, RingLinks links, Placement placement, int64_t chunk_multiple = 1);
  ~RingAttention();

  struct Output {
    at::Tensor out;  // [B, n, H, D], dtype of q
    at::Tensor lse;  // [B, H, n], acc type
  };
  struct Gradients {
    at::Tensor dq;      // [B, n, H, D], acc type; of one rank as the kernel gives it (attention_ops.h)
    at::Tensor dk, dv;  // [B, n, K, D], likewise
  };

  // q [B, n, H, D], k, v [B, n, K, D]: local tokens in ascending position, innermost contiguous, other
  // strides free.
  Output forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale);
  Gradients backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& out, const at::Tensor& lse, double scale);

  Communicator& group() const { return group_; }
  Placement placement() const { return placement_; }
  // Of a sequence of so many tokens, so that the ranks can share it.
  int64_t padded_length(int64_t length) const;
  int64_t bytes_sent() const;        // since construction, for reports
  int64_t slot_allocations() const;  // buffers made since construction: does not grow while the shape stays

 private:
  struct Slots;
  std::unique_ptr<Hop> start_hop(RingLink& link, const at::Tensor& send, const at::Tensor& recv);

  Communicator& group_;
  RingLinks links_;
  Placement placement_;
  int64_t chunk_multiple_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace ropeway
