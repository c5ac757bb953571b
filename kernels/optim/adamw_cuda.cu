// AdamW and the sum of squares on CUDA: the bodies are in adamw_team.h.
#include "kernels/optim/adamw_cuda.h"

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

ROPEWAY_ADAMW_CUDA
ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_SUM_OF_SQUARES_CUDA)

}  // namespace ropeway::cuda
