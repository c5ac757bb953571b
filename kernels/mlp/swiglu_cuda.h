// swiglu.h on CUDA: the same maths, shapes and element types; pointers are the device's, work is
// queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/mlp/swiglu.h"

namespace ropeway::cuda {

// Bytes moved: 3 x sizeof(T) an element of out.
template <typename T>
void swiglu_forward(const T* gate_up, int64_t gate_up_stride, int64_t rows, int64_t width, T* out,
                    int64_t out_stride, CudaStream stream);

template <typename T>
struct SwigluBackward {
  const T* d_out = nullptr;
  int64_t d_out_stride = 0;
  const T* gate_up = nullptr;
  int64_t gate_up_stride = 0;
  int64_t rows = 0, width = 0;
  T* d_gate_up = nullptr;  // may be gate_up
  int64_t d_gate_up_stride = 0;
};
// Bytes moved: 5 x sizeof(T) an element of d_out.
template <typename T>
void swiglu_backward(const SwigluBackward<T>& call, CudaStream stream);

}  // namespace ropeway::cuda
