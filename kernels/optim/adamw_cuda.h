// adamw.h on CUDA: pointers are the device's, work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/optim/adamw.h"

namespace ropeway::cuda {

// The arrays and types of adamw(). <T, Acc, M>: <double, double, double>, and with Acc = float: T float or
// bfloat16, M float or bfloat16. Bytes moved per element, with F32 master and moments and a BF16 weight: 12
// read + 4 of gradient + 14 written.
template <typename T, typename Acc, typename M>
struct AdamWArrays {
  Acc* master = nullptr;
  M *moment1 = nullptr, *moment2 = nullptr;
  const Acc* gradient = nullptr;
  T* weight = nullptr;  // may be master
  int64_t count = 0;
};
template <typename T, typename Acc, typename M>
void adamw(const AdamWArrays<T, Acc, M>& arrays, const AdamWStep& step, CudaStream stream);

// result[0] += the sum of squares; the order of additions depends on nothing but the count. workspace:
// kSumOfSquaresTiles doubles. Bytes read: sizeof(T) per element.
inline constexpr int64_t kSumOfSquaresTiles = 2048;
template <typename T>
void add_sum_of_squares(const T* values, int64_t count, double* workspace, double* result, CudaStream stream);

}  // namespace ropeway::cuda
