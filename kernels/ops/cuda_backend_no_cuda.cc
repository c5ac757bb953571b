// Stands in for cuda_backend.cc in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "kernels/ops/cuda_backend.h"

namespace ropeway::ops {

std::string why_no_cuda() { return cuda::why_unavailable(); }

void require_cuda() { fail(ErrorKind::kLauncher, "device cuda: {}", why_no_cuda()); }

CudaStream current_cuda_stream(c10::Device) { cuda::built_without_cuda("current_cuda_stream"); }

c10::Device use_cuda_device(int) { cuda::built_without_cuda("use_cuda_device"); }

double cuda_seconds_per_call(c10::Device, const std::function<void()>&, int, int) {
  cuda::built_without_cuda("cuda_seconds_per_call");
}

}  // namespace ropeway::ops
