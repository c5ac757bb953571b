// merge.h on CUDA: the same call, with pointers of the device; work is queued on a stream. Bytes moved per
// element: sizeof(T) + 2 x sizeof(Acc), 10 for BF16 blocks.
#pragma once

#include "kernels/attention/merge.h"
#include "kernels/base/cuda_stream.h"

namespace ropeway::cuda {

template <typename T>
void merge_attention(const AttentionMerge<T>& call, CudaStream stream);

// The instance for an element type, of merge_cuda.cu and of its stand-in.
#define ROPEWAY_MERGE_CUDA(T) template void merge_attention<T>(const AttentionMerge<T>&, CudaStream);

}  // namespace ropeway::cuda
