#include "parallel/comm/hop_queue.h"

namespace ropeway::internal {

HopQueue::HopQueue(DeviceQueues& device) : device_(device), stream_(device.create_stream()) {
  for (Events& pair : pairs_) pair = {device_.create_event(), device_.create_event()};
}

HopQueue::~HopQueue() {
  for (const Events& pair : pairs_) {
    device_.destroy_event(pair.ready);
    device_.destroy_event(pair.done);
  }
  device_.destroy_stream(stream_);
}

bool HopQueue::has_room() {
  oldest();
  return closed_ - finished_ < kPairs;
}

HopQueue::Events HopQueue::open(CudaStream compute) {
  const Events events = pairs_[static_cast<size_t>(closed_ % kPairs)];
  device_.record(events.ready, compute);
  device_.wait(stream_, events.ready);
  return events;
}

void HopQueue::close(const Events& events) {
  device_.record(events.done, stream_);
  ++closed_;
}

HopQueue::Oldest HopQueue::oldest() {
  while (finished_ < closed_ && device_.done(pairs_[static_cast<size_t>(finished_ % kPairs)].done))
    ++finished_;
  if (finished_ == closed_) return {};
  return {finished_, device_.done(pairs_[static_cast<size_t>(finished_ % kPairs)].ready)};
}

}  // namespace ropeway::internal
