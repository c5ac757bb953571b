// SwiGLU on CUDA: the bodies are in swiglu_team.h.
#include "kernels/base/device_team.h"
#include "kernels/mlp/swiglu_team.h"

namespace ropeway::cuda {

template <typename T>
void swiglu_forward(const T* gate_up, int64_t gate_up_stride, int64_t rows, int64_t width, T* out,
                    int64_t out_stride, CudaStream stream) {
  launch_swiglu_forward(CudaLauncher(stream), gate_up, gate_up_stride, rows, width, out, out_stride);
}

template <typename T>
void swiglu_backward(const SwigluBackward<T>& call, CudaStream stream) {
  launch_swiglu_backward(CudaLauncher(stream), call);
}

#define ROPEWAY_INSTANTIATE(T)                                                                   \
  template void swiglu_forward<T>(const T*, int64_t, int64_t, int64_t, T*, int64_t, CudaStream); \
  template void swiglu_backward<T>(const SwigluBackward<T>&, CudaStream);
ROPEWAY_INSTANTIATE(double)
ROPEWAY_INSTANTIATE(float)
ROPEWAY_INSTANTIATE(bfloat16)
#undef ROPEWAY_INSTANTIATE

}  // namespace ropeway::cuda
