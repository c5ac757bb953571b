#include "parallel/comm/ring_link.h"

namespace ropeway {
namespace {

class HostRingLink : public RingLink {
 public:
  explicit HostRingLink(Communicator& group) : group_(group) {}

  std::unique_ptr<Hop> start(const void* send, void* recv, int64_t bytes, CudaStream) override {
    const int ranks = group_.size(), rank = group_.rank();
    return group_.start_hop(send, (rank + 1) % ranks, recv, (rank + ranks - 1) % ranks, bytes);
  }

 private:
  Communicator& group_;
};

}  // namespace

RingLinks host_ring_links(Communicator& group) {
  return {std::make_unique<HostRingLink>(group), std::make_unique<HostRingLink>(group)};
}

}  // namespace ropeway
