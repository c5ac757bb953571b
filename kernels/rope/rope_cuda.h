// rope.h on CUDA: the same calls, with pointers of the device; work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/rope/rope.h"

namespace ropeway::cuda {

// In place. Bytes moved per rotated element: 2 x sizeof(T); the tables are read once per token
// and stay in cache.
template <typename T>
void rope_forward(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape,
                  CudaStream stream);
template <typename T>
void rope_backward(T* dy, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape,
                   CudaStream stream);

// Products of elements in acc type, everything after them in double; the order of additions depends on the
// shape only. workspace: rope_factor_workspace(shape) doubles. Bytes read per rotated element: 2 x sizeof(T).
int64_t rope_factor_workspace(const RopeShape& shape);
template <typename T>
void rope_factor_gradient(const RopeFactorGradient<T>& call, double* workspace, CudaStream stream);

// The instances for an element type, of rope_cuda.cu and of its stand-in.
#define ROPEWAY_ROPE_CUDA(T)                                                                               \
  template void rope_forward<T>(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&,  \
                                CudaStream);                                                               \
  template void rope_backward<T>(T*, const accumulation_t<T>*, const accumulation_t<T>*, const RopeShape&, \
                                 CudaStream);                                                              \
  template void rope_factor_gradient<T>(const RopeFactorGradient<T>&, double*, CudaStream);

}  // namespace ropeway::cuda
