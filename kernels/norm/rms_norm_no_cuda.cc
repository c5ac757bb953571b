// Stands in for rms_norm_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/norm/rms_norm_cuda.h"

namespace ropeway::cuda {

template <typename T>
void rms_norm_forward(const RmsNormForward<T>&, CudaStream) {
  built_without_cuda("rms_norm_forward");
}

template <typename T>
int64_t rms_norm_workspace(int64_t, int64_t) {
  built_without_cuda("rms_norm_workspace");
}

template <typename T>
void rms_norm_backward(const RmsNormBackward<T>&, accumulation_t<T>*, CudaStream) {
  built_without_cuda("rms_norm_backward");
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_RMS_NORM_CUDA)

}  // namespace ropeway::cuda
