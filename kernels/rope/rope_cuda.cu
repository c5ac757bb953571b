// RoPE on CUDA: the bodies are in rope_team.h and rope_factor_team.h.
#include "kernels/base/device_team.h"
#include "kernels/rope/rope_cuda.h"
#include "kernels/rope/rope_factor_team.h"

namespace ropeway::cuda {

template <typename T>
void rope_forward(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape,
                  CudaStream stream) {
  launch_rope<false>(CudaLauncher(stream), "rope_forward", x, cos, sin, shape);
}

template <typename T>
void rope_backward(T* dy, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape,
                   CudaStream stream) {
  launch_rope<true>(CudaLauncher(stream), "rope_backward", dy, cos, sin, shape);
}

int64_t rope_factor_workspace(const RopeShape& shape) {
  return factor_tiles(shape).count * (shape.rotary_dim / 2 + 1);
}

template <typename T>
void rope_factor_gradient(const T* y, const T* dy, int64_t dy_token_stride, const double* angles,
                          const uint8_t* scaled, const RopeShape& shape, double* workspace,
                          double* grad_log_factors, double* grad_log_temperature, CudaStream stream) {
  launch_rope_factor_gradient(CudaLauncher(stream), y, dy, dy_token_stride, angles, scaled, shape, workspace,
                              grad_log_factors, grad_log_temperature);
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
