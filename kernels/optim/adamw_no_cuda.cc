// Stands in for adamw_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/optim/adamw_cuda.h"

namespace ropeway::cuda {

template <typename T, typename Acc, typename M>
void adamw(const AdamWArrays<T, Acc, M>&, const AdamWStep&, CudaStream) {
  built_without_cuda("adamw");
}

template <typename T>
void add_sum_of_squares(const T*, int64_t, double*, double*, CudaStream) {
  built_without_cuda("sum_of_squares");
}

ROPEWAY_ADAMW_CUDA
ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_SUM_OF_SQUARES_CUDA)

}  // namespace ropeway::cuda
