// Stands in for merge_cuda.cu in builds without CUDA.
#include "kernels/attention/merge_cuda.h"
#include "kernels/base/cuda_status.h"

namespace ropeway::cuda {

template <typename T>
void merge_attention(const AttentionMerge<T>&, CudaStream) {
  built_without_cuda("merge_attention");
}

template void merge_attention<double>(const AttentionMerge<double>&, CudaStream);
template void merge_attention<float>(const AttentionMerge<float>&, CudaStream);
template void merge_attention<bfloat16>(const AttentionMerge<bfloat16>&, CudaStream);

}  // namespace ropeway::cuda
