// rms_norm.h on CUDA: the same calls, with pointers of the device; work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/norm/rms_norm.h"

namespace ropeway::cuda {

// Bytes moved per element: 2 x sizeof(T).
template <typename T>
void rms_norm_forward(const RmsNormForward<T>& call, CudaStream stream);

// Elements of scratch memory for the weight gradient: partial sums of tiles of rows, added up by a second
// kernel in an order that depends on the shape only.
template <typename T>
int64_t rms_norm_workspace(int64_t rows, int64_t channels);
// workspace: rms_norm_workspace<T> elements; null without grad_weight. Bytes moved per element: 3 x sizeof(T)
// (dy, x, dx), 4 x with accumulate, and the workspace twice. At most 24,000 channels.
template <typename T>
void rms_norm_backward(const RmsNormBackward<T>& call, accumulation_t<T>* workspace, CudaStream stream);

// The instances for an element type, of rms_norm_cuda.cu and of its stand-in.
#define ROPEWAY_RMS_NORM_CUDA(T)                                           \
  template void rms_norm_forward<T>(const RmsNormForward<T>&, CudaStream); \
  template int64_t rms_norm_workspace<T>(int64_t, int64_t);                \
  template void rms_norm_backward<T>(const RmsNormBackward<T>&, accumulation_t<T>*, CudaStream);

}  // namespace ropeway::cuda
