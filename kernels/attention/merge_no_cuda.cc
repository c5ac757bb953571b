// Stands in for merge_cuda.cu in builds without CUDA.
#include "kernels/attention/merge_cuda.h"
#include "kernels/base/cuda_status.h"

namespace ropeway::cuda {

template <typename T>
void merge_attention(const AttentionMerge<T>&, CudaStream) {
  built_without_cuda("merge_attention");
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_MERGE_CUDA)

}  // namespace ropeway::cuda
