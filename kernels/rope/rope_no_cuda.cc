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
void rope_factor_gradient(const T*, const T*, int64_t, const double*, const uint8_t*, const RopeShape&,
                          double*, double*, double*, CudaStream) {
  built_without_cuda("rope_factor_gradient");
}

#define ROPEWAY_INSTANTIATE(T)                                                                             \
  template void rope_forward<T>(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&,  \
                                CudaStream);                                                               \
  template void rope_backward<T>(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&, \
                                 CudaStream);                                                              \
  template void rope_factor_gradient<T>(const T*, const T*, int64_t, const double*, const uint8_t*,        \
                                        const RopeShape&, double*, double*, double*, CudaStream);
ROPEWAY_INSTANTIATE(double)
ROPEWAY_INSTANTIATE(float)
ROPEWAY_INSTANTIATE(bfloat16)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway::cuda
