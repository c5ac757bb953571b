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

#define ROPEWAY_INSTANTIATE(T, Acc, M) \
  template void adamw<T, Acc, M>(const AdamWArrays<T, Acc, M>&, const AdamWStep&, CudaStream);
ROPEWAY_INSTANTIATE(double, double, double)
ROPEWAY_INSTANTIATE(float, float, float)
ROPEWAY_INSTANTIATE(bfloat16, float, float)
ROPEWAY_INSTANTIATE(float, float, bfloat16)
ROPEWAY_INSTANTIATE(bfloat16, float, bfloat16)
#undef ROPEWAY_INSTANTIATE
template void add_sum_of_squares<double>(const double*, int64_t, double*, double*, CudaStream);
template void add_sum_of_squares<float>(const float*, int64_t, double*, double*, CudaStream);
template void add_sum_of_squares<bfloat16>(const bfloat16*, int64_t, double*, double*, CudaStream);

}  // namespace ropeway::cuda
