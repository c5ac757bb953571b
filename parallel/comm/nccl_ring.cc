#include "parallel/comm/nccl_ring.h"

#include "parallel/comm/nccl_channel.h"

namespace ropeway {
namespace {

using internal::NcclChannel;

class NcclHop : public Hop {
 public:
  NcclHop(std::shared_ptr<NcclChannel> channel, CudaStream compute, CudaEvent done)
      : channel_(std::move(channel)), compute_(compute), done_(done) {}
  void wait() override { channel_->follow(compute_, done_); }

 private:
  std::shared_ptr<NcclChannel> channel_;
  CudaStream compute_;
  CudaEvent done_;
};

class NcclRingLink : public RingLink {
 public:
  explicit NcclRingLink(std::shared_ptr<NcclChannel> channel) : channel_(std::move(channel)) {}

  std::unique_ptr<Hop> start(const void* send, void* recv, int64_t bytes, CudaStream compute) override {
    return std::make_unique<NcclHop>(channel_, compute, transfer(send, recv, bytes, compute));
  }

  // NCCL connects two ranks when they first exchange something: now, and not inside the first step.
  void warm_up(DeviceQueues& device, double seconds) {
    constexpr int64_t kBytes = 256;
    auto* memory = static_cast<std::byte*>(device.allocate(2 * kBytes));
    channel_->wait_on_host(transfer(memory, memory + kBytes, kBytes, nullptr), seconds);
    device.release(memory);  // not when that failed: release() may wait for the transfer
  }

 private:
  CudaEvent transfer(const void* send, void* recv, int64_t bytes, CudaStream compute) {
    const int ranks = channel_->size(), rank = channel_->rank();
    return channel_->queue(compute, [=](NcclApi& api, NcclApi::Comm comm, CudaStream stream) {
      api.send(send, bytes, (rank + 1) % ranks, comm, stream);
      api.recv(recv, bytes, (rank + ranks - 1) % ranks, comm, stream);
    });
  }

  std::shared_ptr<NcclChannel> channel_;
};

std::unique_ptr<RingLink> warm_link(NcclSession& session, Communicator& group, const char* name) {
  auto link = std::make_unique<NcclRingLink>(session.join(group, name));
  link->warm_up(session.device(), session.options().join_seconds);
  return link;
}

}  // namespace

RingLinks nccl_ring_links(NcclSession& session, Communicator& group) {
  RingLinks links;
  links.keys = warm_link(session, group, "keys and values");
  links.gradients = warm_link(session, group, "gradients of keys and values");
  return links;
}

}  // namespace ropeway
