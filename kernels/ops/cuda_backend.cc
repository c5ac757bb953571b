#include "kernels/ops/cuda_backend.h"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <filesystem>

#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "kernels/ops/device_memory.h"

namespace ropeway::ops {
namespace {

// libtorch_cuda.so next to the libc10_cuda.so this process runs with: the two must be of one release. The
// library registers its kernels with ATen's dispatcher as it is loaded; nothing of it is called by name.
std::string load_library() {
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&c10::cuda::current_device), &here) == 0) {
    return "libc10_cuda.so cannot be located";
  }
  const auto library = std::filesystem::path(here.dli_fname).parent_path() / "libtorch_cuda.so";
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    return fmt::format("libtorch's CUDA part cannot be loaded: {}", dlerror());
  }
  use_growing_segments();
  return "";
}

}  // namespace

std::string why_no_cuda() {
  static const std::string reason = [] {
    const std::string no_device = cuda::why_unavailable();
    return no_device.empty() ? load_library() : no_device;
  }();
  return reason;
}

void require_cuda() {
  if (const std::string reason = why_no_cuda(); !reason.empty())
    fail(ErrorKind::kLauncher, "device cuda: {}", reason);
}

CudaStream current_cuda_stream(c10::Device device) {
  const auto current = c10::cuda::current_device();
  ROPEWAY_CHECK(device.is_cuda() && device.index() == current,
                "tensor on {}, but the current device is cuda:{}", device.str(), current);
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

c10::Device use_cuda_device(int index) {
  require_cuda();
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

double cuda_seconds_per_call(c10::Device device, const std::function<void()>& call, int warm_up, int calls) {
  cudaEvent_t begin = nullptr, end = nullptr;
  cuda::check_status("cudaEventCreate", cudaEventCreate(&begin));
  cuda::check_status("cudaEventCreate", cudaEventCreate(&end));
  const CudaStream stream = current_cuda_stream(device);
  for (int i = 0; i < warm_up; ++i) call();
  cuda::check_status("cudaEventRecord", cudaEventRecord(begin, stream));
  for (int i = 0; i < calls; ++i) call();
  cuda::check_status("cudaEventRecord", cudaEventRecord(end, stream));
  cuda::check_status("cudaEventSynchronize", cudaEventSynchronize(end));
  float milliseconds = 0;
  cuda::check_status("cudaEventElapsedTime", cudaEventElapsedTime(&milliseconds, begin, end));
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return milliseconds * 1e-3 / calls;
}

}  // namespace ropeway::ops
