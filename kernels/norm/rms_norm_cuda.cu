// RMSNorm on CUDA: the bodies are in rms_norm_team.h.
#include "kernels/base/device_team.h"
#include "kernels/norm/rms_norm_team.h"

namespace ropeway::cuda {

template <typename T>
void rms_norm_forward(const RmsNormForward<T>& call, CudaStream stream) {
  launch_rms_norm_forward(CudaLauncher(stream), call);
}

template <typename T>
int64_t rms_norm_workspace(int64_t rows, int64_t channels) {
  return rms_norm_tiles<T>(rows, channels).count * channels;
}

template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& call, CudaStream stream) {
  launch_rms_norm_backward(CudaLauncher(stream), call);
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
