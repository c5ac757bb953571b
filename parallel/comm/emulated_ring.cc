#include "parallel/comm/emulated_ring.h"

#include "kernels/base/error.h"
#include "parallel/comm/hop_queue.h"
#include "parallel/comm/progress_thread.h"

namespace ropeway {
namespace {

using internal::HopQueue;

// What the next rank needs to fetch the bytes.
struct Offer {
  const void* source = nullptr;
  int64_t bytes = 0;
  CudaEvent ready = nullptr;
};

class EmulatedLink : public RingLink {
 public:
  EmulatedLink(Communicator& group, DeviceQueues& device, CurrentStream current_stream)
      : offers_(group.split(0, group.rank())),
        receipts_(group.split(0, group.rank())),
        device_(device),
        current_stream_(std::move(current_stream)),
        queue_(device) {}

  std::unique_ptr<Hop> start(const void* send, void* recv, int64_t bytes, int places) override {
    return std::make_unique<EmulatedHop>(*this, Offer{send, bytes, nullptr}, recv, current_stream_(), places);
  }

 private:
  class EmulatedHop : public Hop {
   public:
    EmulatedHop(EmulatedLink& link, Offer own, void* recv, CudaStream compute, int places)
        : link_(link),
          own_(own),
          recv_(recv),
          compute_(compute),
          next_((link.offers_->rank() + places) % link.offers_->size()),
          previous_((link.offers_->rank() + link.offers_->size() - places) % link.offers_->size()) {
      internal::Backoff backoff;
      while (!link_.queue_.has_room()) backoff.pause();
      events_ = link_.queue_.open(compute_);
      own_.ready = events_.ready;
      meeting_ = link_.offers_->start_hop(&own_, next_, &theirs_, previous_, sizeof own_);
    }

    // The copy is queued here and not by start(), for the previous rank may not have offered its bytes
    // before. On the device it can begin as soon as the computations queued before start() are done on both
    // ranks.
    void wait() override {
      if (!meeting_) return;
      meeting_->wait();
      meeting_.reset();
      ROPEWAY_CHECK(theirs_.bytes == own_.bytes, "hop of {} bytes meets one of {}", own_.bytes,
                    theirs_.bytes);
      DeviceQueues& device = link_.device_;
      const CudaStream side = link_.queue_.stream();
      device.wait(side, theirs_.ready);
      device.copy(recv_, theirs_.source, own_.bytes, side);
      link_.queue_.close(events_);
      CudaEvent fetched = nullptr;  // by the next rank
      link_.receipts_->start_hop(&events_.done, previous_, &fetched, next_, sizeof fetched)->wait();
      device.wait(compute_, events_.done);
      device.wait(compute_, fetched);
    }

   private:
    EmulatedLink& link_;
    Offer own_, theirs_;
    void* recv_;
    CudaStream compute_;
    int next_, previous_;  // the fetched bytes go to and come from
    HopQueue::Events events_;
    std::unique_ptr<Hop> meeting_;
  };

  std::unique_ptr<Communicator> offers_, receipts_;
  DeviceQueues& device_;
  CurrentStream current_stream_;
  HopQueue queue_;
};

}  // namespace

RingLinks emulated_ring_links(Communicator& group, DeviceQueues& device,
                              const CurrentStream& current_stream) {
  RingLinks links;
  links.keys = std::make_unique<EmulatedLink>(group, device, current_stream);
  links.gradients = std::make_unique<EmulatedLink>(group, device, current_stream);
  return links;
}

}  // namespace ropeway
