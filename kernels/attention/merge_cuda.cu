// Merge of partial attention results on CUDA: the body is in merge_team.h.
#include "kernels/attention/merge_cuda.h"
#include "kernels/attention/merge_team.h"
#include "kernels/base/device_team.h"

namespace ropeway::cuda {

template <typename T>
void merge_attention(const AttentionMerge<T>& call, CudaStream stream) {
  launch_merge_attention(CudaLauncher(stream), call);
}

ROPEWAY_FOR_ACTIVATION_TYPES(ROPEWAY_MERGE_CUDA)

}  // namespace ropeway::cuda
