#include <ATen/ops/from_blob.h>
#include <cuda_runtime_api.h>

#include <array>

#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/host_copies.h"

namespace ropeway::ops {
namespace {

class StreamCopies : public HostCopies {
 public:
  explicit StreamCopies(c10::Device device) : device_(device) {
    cuda::check_status("a stream for copies", cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    for (cudaEvent_t& event : done_) make_event(event);
    make_event(computed_);
  }
  // Pinned memory that copies still move must not go before they are done.
  ~StreamCopies() override {
    cudaStreamSynchronize(stream_);
    for (cudaEvent_t event : done_) cudaEventDestroy(event);
    cudaEventDestroy(computed_);
    cudaStreamDestroy(stream_);
  }

  at::Tensor host_memory(int64_t bytes) override {
    constexpr int64_t kForOthers = int64_t{2} << 30;
    if (const int64_t available = available_host_bytes(); bytes > available - kForOthers) {
      fail(ErrorKind::kMemory, "{} bytes of pinned host memory are wanted for checkpoints, {} are available",
           bytes, available);
    }
    void* memory = nullptr;
    const cudaError_t status = cudaHostAlloc(&memory, static_cast<size_t>(bytes), cudaHostAllocDefault);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // or the next launch would report it
      fail(ErrorKind::kMemory, "{} bytes of pinned host memory are not to be had", bytes);
    }
    cuda::check_status("pinned host memory", status);
    return at::from_blob(
        memory, {bytes}, [](void* pinned) { cudaFreeHost(pinned); }, at::kByte);
  }

  Ticket start(const at::Tensor& from, const at::Tensor& to) override {
    ROPEWAY_CHECK(from.is_contiguous() && to.is_contiguous() && from.nbytes() == to.nbytes(),
                  "a copy of {} bytes into {}", from.nbytes(), to.nbytes());
    cuda::check_status("an event", cudaEventRecord(computed_, current_cuda_stream(device_)));
    cuda::check_status("a wait", cudaStreamWaitEvent(stream_, computed_, 0));
    cuda::check_status("a copy", cudaMemcpyAsync(to.mutable_data_ptr(), from.const_data_ptr(), from.nbytes(),
                                                 cudaMemcpyDefault, stream_));
    ++last_;
    cuda::check_status("an event", cudaEventRecord(event_of(last_), stream_));
    return last_;
  }

  // A later copy may have taken over the ticket's event: it ends after the one asked for, so both are done.
  void compute_after(Ticket ticket) override {
    cuda::check_status("a wait", cudaStreamWaitEvent(current_cuda_stream(device_), event_of(ticket), 0));
  }

 private:
  static void make_event(cudaEvent_t& event) {
    cuda::check_status("an event", cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  }
  cudaEvent_t event_of(Ticket ticket) { return done_[static_cast<size_t>(ticket) % done_.size()]; }

  const c10::Device device_;
  CudaStream stream_ = nullptr;
  std::array<cudaEvent_t, 32> done_{};
  cudaEvent_t computed_ = nullptr;
  Ticket last_ = 0;
};

}  // namespace

std::unique_ptr<HostCopies> make_cuda_host_copies(c10::Device device) {
  return std::make_unique<StreamCopies>(device);
}

}  // namespace ropeway::ops
