// The link of a rank to its neighbours in a ring. Ring attention has two, which it uses at once: one for keys
// and values, one for their gradients.
#pragma once

#include <cstdint>
#include <memory>

#include "parallel/comm/collectives.h"
#include "parallel/comm/communicator.h"

namespace ropeway {

class RingLink {
 public:
  virtual ~RingLink() = default;
  // A hop (collectives.h) to the rank `places` further on in the ring and from the one as far behind, the
  // same number on all ranks, from 1 on; one at a time.
  [[nodiscard]] virtual std::unique_ptr<Hop> start(const void* send, void* recv, int64_t bytes,
                                                   int places = 1) = 0;
};

// May serve several rings, one after the other.
struct RingLinks {
  std::shared_ptr<RingLink> keys, gradients;
};

// The hops of a group, in whatever memory it works on.
std::shared_ptr<RingLink> ring_link_over(std::shared_ptr<Collectives> group);

// Both links over the hops of one group in host memory (threads, MPI), which must outlive them.
RingLinks host_ring_links(Communicator& group);

}  // namespace ropeway
