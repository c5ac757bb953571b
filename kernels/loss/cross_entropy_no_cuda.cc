// Stands in for cross_entropy_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/loss/cross_entropy_cuda.h"

namespace ropeway::cuda {

template <typename Acc, typename G>
void cross_entropy_rows(const CrossEntropyRows<Acc, G>&, CudaStream) {
  built_without_cuda("cross_entropy_rows");
}

template void cross_entropy_rows<double, double>(const CrossEntropyRows<double, double>&, CudaStream);
template void cross_entropy_rows<float, float>(const CrossEntropyRows<float, float>&, CudaStream);
template void cross_entropy_rows<float, bfloat16>(const CrossEntropyRows<float, bfloat16>&, CudaStream);

}  // namespace ropeway::cuda
