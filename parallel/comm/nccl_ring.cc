#include "parallel/comm/nccl_ring.h"

#include "parallel/comm/nccl_channel.h"
#include "parallel/comm/nccl_collectives.h"

namespace ropeway {
namespace {

using internal::NcclChannel;

// NCCL connects two ranks when they first exchange something: now, and not inside the first step.
void meet_neighbours(NcclChannel& channel, DeviceQueues& device, double seconds) {
  constexpr int64_t kBytes = 256;
  auto* memory = static_cast<std::byte*>(device.allocate(2 * kBytes));
  const int ranks = channel.size(), rank = channel.rank();
  channel.wait_on_host(channel.queue_hop(nullptr, memory, (rank + 1) % ranks, memory + kBytes,
                                         (rank + ranks - 1) % ranks, kBytes),
                       seconds);
  device.release(memory);  // not when that failed: release() may wait for the transfer
}

}  // namespace

RingLinks nccl_ring_links(NcclSession& session, Communicator& group, const CurrentStream& current_stream) {
  const auto link = [&](const char* name) {
    const auto channel = session.join(group, name);
    meet_neighbours(*channel, session.device(), session.options().join_seconds);
    return ring_link_over(internal::collectives_over(channel, current_stream));
  };
  RingLinks links;
  links.keys = link("keys and values");
  links.gradients = link("gradients of keys and values");
  return links;
}

}  // namespace ropeway
