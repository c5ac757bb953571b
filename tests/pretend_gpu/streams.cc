#include "tests/pretend_gpu/streams.h"

#include <cuda_runtime_api.h>

#include <chrono>
#include <mutex>
#include <set>

#include "tests/pretend_gpu/record.h"

using namespace ropeway::pretend;

struct CUstream_st {
  unsigned flags = 0;
  int priority = 0;
};

struct CUevent_st {
  using Clock = std::chrono::steady_clock;
  unsigned flags = 0;
  bool recorded = false;
  Clock::time_point at{};
};

namespace {

// The things of one kind that exist. What is destroyed is never made again at the same address.
template <typename T>
class Known {
 public:
  T* add(const T& thing) {
    const std::lock_guard lock(mutex_);
    return *living_.insert(new T(thing)).first;
  }
  bool has(T* thing) {
    const std::lock_guard lock(mutex_);
    return living_.count(thing) > 0;
  }
  bool remove(T* thing) {
    const std::lock_guard lock(mutex_);
    return living_.erase(thing) > 0;
  }

 private:
  std::mutex mutex_;
  std::set<T*> living_;
};

auto& streams() {
  static auto* all = new Known<CUstream_st>;
  return *all;
}
auto& events() {
  static auto* all = new Known<CUevent_st>;
  return *all;
}

void expect_event(const char* call, cudaEvent_t event) {
  expect(events().has(event), "{}: {} is no event, or no longer", call, static_cast<void*>(event));
}

constexpr int kLowestPriority = 0, kHighestPriority = -5;

}  // namespace

namespace ropeway::pretend {

void expect_stream(const char* call, cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread) return;
  expect(streams().has(stream), "{}: {} is no stream, or no longer", call, static_cast<void*>(stream));
}

}  // namespace ropeway::pretend

extern "C" {

cudaError_t cudaDeviceGetStreamPriorityRange(int* lowest, int* highest) {
  *lowest = kLowestPriority;
  *highest = kHighestPriority;
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  *stream = streams().add({flags, priority});
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithPriority(stream, 0, 0); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  expect(streams().remove(stream), "cudaStreamDestroy: {} is no stream, or no longer",
         static_cast<void*>(stream));
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  expect_stream("cudaStreamQuery", stream);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  expect_stream("cudaStreamSynchronize", stream);
  host_waits();
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  host_waits();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  expect_stream("cudaStreamWaitEvent", stream);
  expect_event("cudaStreamWaitEvent", event);
  return cudaSuccess;
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* data, unsigned) {
  expect_stream("cudaStreamAddCallback", stream);
  callback(stream, cudaSuccess, data);
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  expect_stream("cudaLaunchHostFunc", stream);
  function(data);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  *event = events().add({flags});
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  expect(events().remove(event), "cudaEventDestroy: {} is no event, or no longer", static_cast<void*>(event));
  return cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  expect_event("cudaEventRecord", event);
  expect_stream("cudaEventRecord", stream);
  event->recorded = true;
  event->at = CUevent_st::Clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return cudaEventRecordWithFlags(event, stream, 0);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  expect_event("cudaEventQuery", event);
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  expect_event("cudaEventSynchronize", event);
  if (event->recorded) host_waits();
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  for (cudaEvent_t event : {begin, end}) {
    expect_event("cudaEventElapsedTime", event);
    if (!event->recorded || (event->flags & cudaEventDisableTiming) != 0) {
      return ended_with(cudaErrorInvalidResourceHandle);
    }
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - begin->at).count();
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  expect_stream("cudaStreamIsCapturing", stream);
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status,
                                     unsigned long long* id, cudaGraph_t* graph, const cudaGraphNode_t**,
                                     const cudaGraphEdgeData**, size_t*) {
  expect_stream("cudaStreamGetCaptureInfo", stream);
  *status = cudaStreamCaptureStatusNone;
  if (id != nullptr) *id = 0;
  if (graph != nullptr) *graph = nullptr;
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  static thread_local cudaStreamCaptureMode own = cudaStreamCaptureModeGlobal;
  std::swap(*mode, own);
  return cudaSuccess;
}

}  // extern "C"
