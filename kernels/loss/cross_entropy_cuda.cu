// Cross-entropy rows on CUDA: the body is in cross_entropy_team.h.
#include "kernels/base/device_team.h"
#include "kernels/loss/cross_entropy_team.h"

namespace ropeway::cuda {

template <typename Acc, typename G>
void cross_entropy_rows(const CrossEntropyRows<Acc, G>& call, CudaStream stream) {
  launch_cross_entropy(CudaLauncher(stream), call);
}

template void cross_entropy_rows<double, double>(const CrossEntropyRows<double, double>&, CudaStream);
template void cross_entropy_rows<float, float>(const CrossEntropyRows<float, float>&, CudaStream);
template void cross_entropy_rows<float, bfloat16>(const CrossEntropyRows<float, bfloat16>&, CudaStream);

}  // namespace ropeway::cuda
