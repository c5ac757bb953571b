// The calls of device_queues.h by the CUDA runtime.
#include <cuda_runtime_api.h>

#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "parallel/comm/device_queues.h"

namespace ropeway {
namespace {

using cuda::check_status;

class CudaQueues : public DeviceQueues {
 public:
  explicit CudaQueues(int device) : device_(device) {}

  void make_current() override { check_status("cudaSetDevice", cudaSetDevice(device_)); }

  CudaStream create_stream() override {
    make_current();  // a null stream is the current device's, which is a thread's own
    int lowest = 0, highest = 0;
    check_status("cudaDeviceGetStreamPriorityRange", cudaDeviceGetStreamPriorityRange(&lowest, &highest));
    CudaStream stream = nullptr;
    check_status("cudaStreamCreate", cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, highest));
    return stream;
  }
  void destroy_stream(CudaStream stream) override { cudaStreamDestroy(stream); }

  CudaEvent create_event() override {
    make_current();
    CudaEvent event = nullptr;
    check_status("cudaEventCreate", cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    return event;
  }
  void destroy_event(CudaEvent event) override { cudaEventDestroy(event); }

  void record(CudaEvent event, CudaStream stream) override {
    make_current();
    check_status("cudaEventRecord", cudaEventRecord(event, stream));
  }
  void wait(CudaStream stream, CudaEvent event) override {
    make_current();
    check_status("cudaStreamWaitEvent", cudaStreamWaitEvent(stream, event, 0));
  }
  bool done(CudaEvent event) override {
    make_current();
    const cudaError_t status = cudaEventQuery(event);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();  // "not yet" must not be taken for a failed launch later
      return false;
    }
    check_status("cudaEventQuery", status);
    return true;
  }
  void copy(void* to, const void* from, int64_t bytes, CudaStream stream) override {
    make_current();
    check_status("cudaMemcpyAsync",
                 cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, stream));
  }
  void* allocate(int64_t bytes) override {
    make_current();
    void* memory = nullptr;
    check_status("cudaMalloc", cudaMalloc(&memory, static_cast<size_t>(bytes)));
    return memory;
  }
  void release(void* memory) override { cudaFree(memory); }

 private:
  int device_;
};

}  // namespace

std::unique_ptr<DeviceQueues> make_device_queues(int device) { return std::make_unique<CudaQueues>(device); }

}  // namespace ropeway
