// rope_table.h on CUDA: the same calls, with pointers of the device; work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/rope/rope_table.h"

namespace ropeway::cuda {

template <typename Real>
void fill_rope_table(const RopeTableInput& input, Real* cos, Real* sin, CudaStream stream);
void fill_rope_angles(const RopeTableInput& input, double* angles, bool* scaled, CudaStream stream);

// The instances, of rope_table_cuda.cu and of its stand-in.
#define ROPEWAY_ROPE_TABLE_CUDA                                                            \
  template void fill_rope_table<float>(const RopeTableInput&, float*, float*, CudaStream); \
  template void fill_rope_table<double>(const RopeTableInput&, double*, double*, CudaStream);

}  // namespace ropeway::cuda
