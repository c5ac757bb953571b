// swiglu.h on CUDA: the same calls, with pointers of the device; work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/mlp/swiglu.h"

namespace ropeway::cuda {

// Bytes moved per element of out: 3 x sizeof(T).
template <typename T>
void swiglu_forward(const SwigluForward<T>& call, CudaStream stream);

// Bytes moved per element of d_out: 5 x sizeof(T).
template <typename T>
void swiglu_backward(const SwigluBackward<T>& call, CudaStream stream);

// The instances for an element type, of swiglu_cuda.cu and of its stand-in.
#define ROPEWAY_SWIGLU_CUDA(T)                                          \
  template void swiglu_forward<T>(const SwigluForward<T>&, CudaStream); \
  template void swiglu_backward<T>(const SwigluBackward<T>&, CudaStream);

}  // namespace ropeway::cuda
