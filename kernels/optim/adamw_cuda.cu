// AdamW and the sum of squares on CUDA: the bodies are in adamw_team.h.
#include "kernels/base/device_team.h"
#include "kernels/optim/adamw_team.h"

namespace ropeway::cuda {

template <typename T, typename Acc, typename M>
void adamw(const AdamWArrays<T, Acc, M>& arrays, const AdamWStep& step, CudaStream stream) {
  launch_adamw(CudaLauncher(stream), arrays, step);
}

template <typename T>
void add_sum_of_squares(const T* values, int64_t count, double* workspace, double* result,
                        CudaStream stream) {
  launch_sum_of_squares(CudaLauncher(stream), values, count, workspace, result);
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
