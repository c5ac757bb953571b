#include "parallel/comm/ring_link.h"

namespace ropeway {
namespace {

class LinkOverGroup : public RingLink {
 public:
  explicit LinkOverGroup(std::shared_ptr<Collectives> group) : group_(std::move(group)) {}

  std::unique_ptr<Hop> start(const void* send, void* recv, int64_t bytes, int places) override {
    const int ranks = group_->size(), rank = group_->rank();
    return group_->start_hop(send, (rank + places) % ranks, recv, (rank + ranks - places) % ranks, bytes);
  }

 private:
  std::shared_ptr<Collectives> group_;
};

}  // namespace

std::shared_ptr<RingLink> ring_link_over(std::shared_ptr<Collectives> group) {
  return std::make_shared<LinkOverGroup>(std::move(group));
}

RingLinks host_ring_links(Communicator& group) {
  const auto link = ring_link_over(unowned(group));
  return {link, link};
}

}  // namespace ropeway
