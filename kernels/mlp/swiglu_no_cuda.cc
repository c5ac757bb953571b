// Stands in for swiglu_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/mlp/swiglu_cuda.h"

namespace ropeway::cuda {

template <typename T>
void swiglu_forward(const SwigluForward<T>&, CudaStream) {
  built_without_cuda("swiglu_forward");
}

template <typename T>
void swiglu_backward(const SwigluBackward<T>&, CudaStream) {
  built_without_cuda("swiglu_backward");
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_SWIGLU_CUDA)

}  // namespace ropeway::cuda
