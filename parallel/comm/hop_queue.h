// Internal to comm/: a side stream for transfers in device memory, and the events that order it with the
// stream of the computation. Every transfer has two events: `ready`, recorded on the compute stream, after
// which it may begin, and `done`, recorded on the side stream behind it. The pairs are made once and used in
// turn, so that a transfer allocates nothing; the host may queue at most kPairs transfers ahead of the
// device.
#pragma once

#include <array>
#include <cstdint>

#include "parallel/comm/device_queues.h"

namespace ropeway::internal {

class HopQueue {
 public:
  static constexpr int kPairs = 64;

  explicit HopQueue(DeviceQueues& device);
  ~HopQueue();  // waits for nothing
  HopQueue(const HopQueue&) = delete;
  HopQueue& operator=(const HopQueue&) = delete;

  struct Events {
    CudaEvent ready = nullptr, done = nullptr;
  };

  bool has_room();                   // false: the oldest pair is still in use
  Events open(CudaStream compute);   // the side stream waits for what is queued on `compute`
  void close(const Events& events);  // behind the transfer, which is on the side stream by now
  CudaStream stream() const { return stream_; }

  // The oldest transfer that is not done: its number, from 0, and whether the computation before it is done,
  // so that only the neighbours keep it waiting. number == -1: none.
  struct Oldest {
    int64_t number = -1;
    bool moving = false;
  };
  Oldest oldest();

 private:
  DeviceQueues& device_;
  CudaStream stream_;
  std::array<Events, kPairs> pairs_;
  int64_t closed_ = 0, finished_ = 0;
};

}  // namespace ropeway::internal
