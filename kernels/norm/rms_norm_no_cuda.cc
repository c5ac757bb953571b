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
void rms_norm_backward(const RmsNormBackward<T>&, CudaStream) {
  built_without_cuda("rms_norm_backward");
}

#define ROPEWAY_INSTANTIATE(T)                                             \
  template void rms_norm_forward<T>(const RmsNormForward<T>&, CudaStream); \
  template int64_t rms_norm_workspace<T>(int64_t, int64_t);                \
  template void rms_norm_backward<T>(const RmsNormBackward<T>&, CudaStream);
ROPEWAY_INSTANTIATE(double)
ROPEWAY_INSTANTIATE(float)
ROPEWAY_INSTANTIATE(bfloat16)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway::cuda
