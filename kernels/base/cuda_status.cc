#include "kernels/base/cuda_status.h"

#include <cuda_runtime_api.h>

#include "kernels/base/error.h"

namespace ropeway::cuda {

void check_status(const char* operation, int status) {
  if (status == cudaSuccess) return;
  const auto error = static_cast<cudaError_t>(status);
  // A refusal must not be taken for that of the next launch; a fault stays, whoever asks.
  if (cudaPeekAtLastError() == error) cudaGetLastError();
  fail(error == cudaErrorMemoryAllocation ? ErrorKind::kMemory : ErrorKind::kInternal, "CUDA: {}: {} ({})",
       operation, cudaGetErrorString(error), cudaGetErrorName(error));
}

void check_launch(const char* kernel) { check_status(kernel, cudaGetLastError()); }

std::string why_unavailable() {
  static const std::string reason = []() -> std::string {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status == cudaSuccess && devices > 0) return "";
    cudaGetLastError();  // the failed question must not be taken for a failed launch later
    if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice || status == cudaSuccess) {
      return "no CUDA device or no driver for one on this machine";
    }
    return fmt::format("CUDA: {} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
  }();
  return reason;
}

}  // namespace ropeway::cuda
