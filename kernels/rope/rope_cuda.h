// rope.h on CUDA: the same maths, shapes and element types; pointers are the device's, work is
// queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/rope/rope.h"

namespace ropeway::cuda {

// In place. Bytes moved: 2 x sizeof(T) a rotated element; the tables are read once a token and stay in cache.
template <typename T>
void rope_forward(T* x, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape,
                  CudaStream stream);
template <typename T>
void rope_backward(T* dy, const accumulation_t<T>* cos, const accumulation_t<T>* sin, const RopeShape& shape,
                   CudaStream stream);

// Products of elements in acc type, everything after them in double; the order of additions depends on the
// shape only. workspace: rope_factor_workspace(shape) doubles. Bytes read: 2 x sizeof(T) a rotated element.
int64_t rope_factor_workspace(const RopeShape& shape);
template <typename T>
void rope_factor_gradient(const T* y, const T* dy, int64_t dy_token_stride, const double* angles,
                          const uint8_t* scaled, const RopeShape& shape, double* workspace,
                          double* grad_log_factors, double* grad_log_temperature, CudaStream stream);

}  // namespace ropeway::cuda
