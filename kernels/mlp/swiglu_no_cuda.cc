// Stands in for swiglu_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/mlp/swiglu_cuda.h"

namespace ropeway::cuda {

template <typename T>
void swiglu_forward(const T*, int64_t, int64_t, int64_t, T*, int64_t, CudaStream) {
  built_without_cuda("swiglu_forward");
}

template <typename T>
void swiglu_backward(const SwigluBackward<T>&, CudaStream) {
  built_without_cuda("swiglu_backward");
}

#define ROPEWAY_INSTANTIATE(T)                                                                   \
  template void swiglu_forward<T>(const T*, int64_t, int64_t, int64_t, T*, int64_t, CudaStream); \
  template void swiglu_backward<T>(const SwigluBackward<T>&, CudaStream);
ROPEWAY_INSTANTIATE(double)
ROPEWAY_INSTANTIATE(float)
ROPEWAY_INSTANTIATE(bfloat16)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway::cuda
