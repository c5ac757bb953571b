// cross_entropy.h on CUDA: the same call, with pointers of the device; work is queued on a stream. Logits
// stay as they are unless the gradient is written over them.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/base/element.h"
#include "kernels/loss/cross_entropy.h"

namespace ropeway::cuda {

// Bytes moved per element: sizeof(Acc); with a gradient 2 x sizeof(Acc) + sizeof(G).
template <typename Acc, typename G>
void cross_entropy_rows(const CrossEntropyRows<Acc, G>& call, CudaStream stream);

// The instances, of cross_entropy_cuda.cu and of its stand-in.
#define ROPEWAY_CROSS_ENTROPY_CUDA                                                                       \
  template void cross_entropy_rows<double, double>(const CrossEntropyRows<double, double>&, CudaStream); \
  template void cross_entropy_rows<float, float>(const CrossEntropyRows<float, float>&, CudaStream);     \
  template void cross_entropy_rows<float, bfloat16>(const CrossEntropyRows<float, bfloat16>&, CudaStream);

}  // namespace ropeway::cuda
