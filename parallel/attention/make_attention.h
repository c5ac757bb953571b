// Attention for the ranks that share a sequence, as the mesh has them: over a ring, or over heads and a ring.
#pragma once

#include <memory>

#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/ring_link.h"

namespace ropeway {

// What joins a rank to the others; must outlive the attention, as the groups behind links and heads must.
struct AttentionGroups {
  Communicator& ring;                       // the ranks with the same heads
  RingLinks links;                          // between them, over the memory of the tensors
  std::shared_ptr<Collectives> heads = {};  // the neighbours that share heads, likewise; null: none do
};
// Both in host memory. heads: a group of one means that heads are not shared.
AttentionGroups host_attention_groups(Communicator& ring, Communicator& heads);

// chunk_multiple: chunks of a rank's own rows are multiples of it (SequenceSplit). head_groups: heads are
// computed in as many groups, one after the other (grouped_attention.h).
std::unique_ptr<SequenceAttention> make_attention(const AttentionGroups& groups, Placement placement,
                                                  int64_t chunk_multiple = 1, int head_groups = 1);

}  // namespace ropeway
