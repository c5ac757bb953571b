// Stands in for rope_table_cuda.cu in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/rope/rope_table_cuda.h"

namespace ropeway::cuda {

template <typename Real>
void fill_rope_table(const RopeTableInput&, Real*, Real*, CudaStream) {
  built_without_cuda("fill_rope_table");
}
ROPEWAY_ROPE_TABLE_CUDA

void fill_rope_angles(const RopeTableInput&, double*, bool*, CudaStream) {
  built_without_cuda("fill_rope_angles");
}

}  // namespace ropeway::cuda
