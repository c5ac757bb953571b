// rope_table.h on CUDA: pointers are the device's, work is queued on a stream.
#pragma once

#include "kernels/base/cuda_stream.h"
#include "kernels/rope/rope_table.h"

namespace ropeway::cuda {

template <typename Real>
void fill_rope_table(const RopeTableInput& input, Real* cos, Real* sin, CudaStream stream);
void fill_rope_angles(const RopeTableInput& input, double* angles, bool* scaled, CudaStream stream);

}  // namespace ropeway::cuda
