// A rank's neighbours in a ring, and the way data takes to them. Ring attention has two ways, which it uses
// at once: one for keys and values, one for their gradients.
//
// In host memory a hop is one of Communicator's, and wait() holds the caller up. In device memory nothing
// holds the caller up: work is queued on streams and put in order by events.
#pragma once

#include <memory>

#include "kernels/base/cuda_stream.h"
#include "parallel/comm/communicator.h"

namespace ropeway {

class RingLink {
 public:
  virtual ~RingLink() = default;
  // Sends to the next rank of the ring and receives from the previous one; one hop at a time. `compute` is
  // the stream of the caller's own work (null in host memory), and what holds in device memory is:
  //   the transfer begins after everything that is queued on `compute` when start() is called;
  //   what is queued on `compute` after wait() finds the received bytes and may overwrite both buffers.
  // A hop in device memory that is dropped without wait() leaves no order behind: for a failing rank only.
  [[nodiscard]] virtual std::unique_ptr<Hop> start(const void* send, void* recv, int64_t bytes,
                                                   CudaStream compute) = 0;
};

// May serve several rings, one after the other.
struct RingLinks {
  std::shared_ptr<RingLink> keys, gradients;
};

// Both ways over the hops of a group (threads, MPI), in host memory. The group must outlive them.
RingLinks host_ring_links(Communicator& group);

}  // namespace ropeway
