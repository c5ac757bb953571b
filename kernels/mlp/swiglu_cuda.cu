// SwiGLU on CUDA: the bodies are in swiglu_team.h.
#include "kernels/mlp/swiglu_cuda.h"

#include "kernels/base/device_team.h"
#include "kernels/mlp/swiglu_team.h"

namespace ropeway::cuda {

template <typename T>
void swiglu_forward(const SwigluForward<T>& call, CudaStream stream) {
  launch_swiglu_forward(CudaLauncher(stream), call);
}

template <typename T>
void swiglu_backward(const SwigluBackward<T>& call, CudaStream stream) {
  launch_swiglu_backward(CudaLauncher(stream), call);
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_SWIGLU_CUDA)

}  // namespace ropeway::cuda
