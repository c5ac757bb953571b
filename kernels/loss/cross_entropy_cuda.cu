// Cross-entropy rows on CUDA: the body is in cross_entropy_team.h.
#include "kernels/loss/cross_entropy_cuda.h"

#include "kernels/base/device_team.h"
#include "kernels/loss/cross_entropy_team.h"

namespace ropeway::cuda {

template <typename Acc, typename G>
void cross_entropy_rows(const CrossEntropyRows<Acc, G>& call, CudaStream stream) {
  launch_cross_entropy(CudaLauncher(stream), call);
}

ROPEWAY_CROSS_ENTROPY_CUDA

}  // namespace ropeway::cuda
