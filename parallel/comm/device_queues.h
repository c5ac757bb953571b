// The few calls with which communication puts work on a GPU's streams in order. They are virtual so that the
// order can be checked without a GPU (tests/parallel/fake_device.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "kernels/base/cuda_stream.h"

struct CUevent_st;

namespace ropeway {

using CudaEvent = CUevent_st*;  // the same type as cudaEvent_t

// Called to learn which stream the calling thread queues its work on at that moment.
using CurrentStream = std::function<CudaStream()>;

// Streams, events and copies of one device. Every call may come from any thread; all but allocate() and
// release() return at once. Throws kInternal with CUDA's text when a call fails; work queued earlier may be
// what failed.
class DeviceQueues {
 public:
  virtual ~DeviceQueues() = default;
  virtual void make_current() = 0;  // for libraries called from this thread next
  // A stream of high priority, in no order with any other.
  virtual CudaStream create_stream() = 0;
  virtual void destroy_stream(CudaStream stream) = 0;  // at once; work still on it is completed
  virtual CudaEvent create_event() = 0;                // counts as done until it is recorded
  virtual void destroy_event(CudaEvent event) = 0;
  virtual void record(CudaEvent event, CudaStream stream) = 0;  // done when everything queued so far is
  virtual void wait(CudaStream stream, CudaEvent event) = 0;    // for the event as recorded so far
  virtual bool done(CudaEvent event) = 0;
  virtual void copy(void* to, const void* from, int64_t bytes, CudaStream stream) = 0;
  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* memory) = 0;  // may wait for the device
};

// The device of that number through the CUDA runtime. Throws kLauncher in a build without CUDA.
std::unique_ptr<DeviceQueues> make_device_queues(int device);

}  // namespace ropeway
