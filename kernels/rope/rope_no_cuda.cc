// Stands in for rope_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/rope/rope_cuda.h"

namespace ropeway::cuda {

template <typename T>
void rope_forward(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&, CudaStream) {
  built_without_cuda("rope_forward");
}

template <typename T>
void rope_backward(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&, CudaStream) {
  built_without_cuda("rope_backward");
}

int64_t rope_factor_workspace(const RopeShape&) { built_without_cuda("rope_factor_workspace"); }

template <typename T>
void rope_factor_gradient(const RopeFactorGradient<T>&, double*, CudaStream) {
  built_without_cuda("rope_factor_gradient");
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_ROPE_CUDA)

}  // namespace ropeway::cuda
