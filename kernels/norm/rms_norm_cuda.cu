// RMSNorm on CUDA: the bodies are in rms_norm_team.h.
#include "kernels/norm/rms_norm_cuda.h"

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
void rms_norm_backward(const RmsNormBackward<T>& call, accumulation_t<T>* workspace, CudaStream stream) {
  launch_rms_norm_backward(CudaLauncher(stream), call, workspace);
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_RMS_NORM_CUDA)

}  // namespace ropeway::cuda
