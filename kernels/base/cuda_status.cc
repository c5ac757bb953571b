#include "kernels/base/cuda_status.h"

#include <cuda_runtime_api.h>

#include "kernels/base/error.h"

namespace ropeway::cuda {

void check_status(const char* operation, int status) {
  if (status == cudaSuccess) return;
  const auto error = static_cast<cudaError_t>(status);
  // Clears a refusal, which would else be taken for the next launch's; a fault inside a kernel stays.
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
    cudaGetLastError();  // or the next launch would report it as its own
    int driver = 0;      // the CUDA it knows, 13000 for 13.0; 0: there is none
    cudaDriverGetVersion(&driver);
    if (status == cudaErrorInsufficientDriver && driver > 0) {
      return fmt::format("the driver on this machine is for CUDA {}.{}, wanted one for CUDA {}.{} or later",
                         driver / 1000, driver / 10 % 100, CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100);
    }
    if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice || status == cudaSuccess) {
      return "no CUDA device or no driver for one on this machine";
    }
    return fmt::format("CUDA: {} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
  }();
  return reason;
}

}  // namespace ropeway::cuda
