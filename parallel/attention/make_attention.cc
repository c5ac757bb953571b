#include "parallel/attention/make_attention.h"

#include "parallel/attention/grouped_attention.h"
#include "parallel/attention/head_attention.h"
#include "parallel/attention/ring_attention.h"

namespace ropeway {

AttentionGroups host_attention_groups(Communicator& ring, Communicator& heads) {
  AttentionGroups groups{.ring = ring, .links = host_ring_links(ring)};
  if (heads.size() > 1) groups.heads = unowned(heads);
  return groups;
}

std::unique_ptr<SequenceAttention> make_attention(const AttentionGroups& groups, Placement placement,
                                                  int64_t chunk_multiple, int head_groups) {
  const int neighbours = groups.heads ? groups.heads->size() : 1;
  auto ring =
      std::make_unique<RingAttention>(groups.ring, groups.links, placement, chunk_multiple * neighbours);
  std::unique_ptr<SequenceAttention> attention = std::move(ring);
  if (neighbours > 1) attention = std::make_unique<HeadAttention>(groups.heads, std::move(attention));
  if (head_groups > 1) attention = std::make_unique<GroupedAttention>(std::move(attention), head_groups);
  return attention;
}

}  // namespace ropeway
