// RoPE on CUDA: the bodies are in rope_team.h and rope_factor_team.h.
#include "kernels/rope/rope_cuda.h"

#include "kernels/base/device_team.h"
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
void rope_factor_gradient(const RopeFactorGradient<T>& call, double* workspace, CudaStream stream) {
  launch_rope_factor_gradient(CudaLauncher(stream), call, workspace);
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_ROPE_CUDA)

}  // namespace ropeway::cuda
