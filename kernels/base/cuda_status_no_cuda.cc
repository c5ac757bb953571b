// Stands in for cuda_status.cc in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"

namespace ropeway::cuda {

void check_status(const char* operation, int) { built_without_cuda(operation); }

void check_launch(const char* kernel) { built_without_cuda(kernel); }

std::string why_unavailable() { return "this ropeway was built without CUDA (ROPEWAY_CUDA=OFF, or no nvcc)"; }

void built_without_cuda(const char* kernel) {
  fail(ErrorKind::kInternal, "{}: {}", kernel, why_unavailable());
}

}  // namespace ropeway::cuda
