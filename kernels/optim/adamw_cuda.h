// adamw.h on CUDA: pointers are the device's, work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/optim/adamw.h"

namespace ropeway::cuda {

// Of the types of adamw(): double throughout, and with Acc = float T and M of float or bfloat16. Bytes moved
// per element, with F32 master and moments and a BF16 weight: 12 read + 4 of gradient + 14 written.
template <typename T, typename Acc, typename M>
void adamw(const AdamWArrays<T, Acc, M>& arrays, const AdamWStep& step, CudaStream stream);

// result[0] += the sum of squares; the order of additions depends on nothing but the count. workspace:
// kSumOfSquaresTiles doubles. Bytes read: sizeof(T) per element.
inline constexpr int64_t kSumOfSquaresTiles = 2048;
template <typename T>
void add_sum_of_squares(const T* values, int64_t count, double* workspace, double* result, CudaStream stream);

// The instances, of adamw_cuda.cu and of its stand-in.
#define ROPEWAY_ADAMW_CUDA_OF(T, Acc, M) \
  template void adamw<T, Acc, M>(const AdamWArrays<T, Acc, M>&, const AdamWStep&, CudaStream);
#define ROPEWAY_ADAMW_CUDA                      \
  ROPEWAY_ADAMW_CUDA_OF(double, double, double) \
  ROPEWAY_ADAMW_CUDA_OF(float, float, float)    \
  ROPEWAY_ADAMW_CUDA_OF(bfloat16, float, float) \
  ROPEWAY_ADAMW_CUDA_OF(float, float, bfloat16) \
  ROPEWAY_ADAMW_CUDA_OF(bfloat16, float, bfloat16)
#define ROPEWAY_SUM_OF_SQUARES_CUDA(T) \
  template void add_sum_of_squares<T>(const T*, int64_t, double*, double*, CudaStream);

}  // namespace ropeway::cuda
