// Stands in for cross_entropy_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/loss/cross_entropy_cuda.h"

namespace ropeway::cuda {

template <typename Acc, typename G>
void cross_entropy_rows(const CrossEntropyRows<Acc, G>&, CudaStream) {
  built_without_cuda("cross_entropy_rows");
}

ROPEWAY_CROSS_ENTROPY_CUDA

}  // namespace ropeway::cuda
