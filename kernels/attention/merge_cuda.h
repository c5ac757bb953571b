// merge.h on CUDA: the same call, with pointers of the device; work is queued on a stream. Bytes moved an
// element: sizeof(T) + 2 x sizeof(Acc), 10 for BF16 blocks.
#pragma once

#include "kernels/attention/merge.h"
#include "kernels/base/cuda_stream.h"

namespace ropeway::cuda {

template <typename T>
void merge_attention(const AttentionMerge<T>& call, CudaStream stream);

}  // namespace ropeway::cuda
