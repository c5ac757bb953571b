#include "kernels/rope/rope_table_cuda.h"

#include "kernels/base/device_team.h"
#include "kernels/rope/rope_table_team.h"

namespace ropeway::cuda {

template <typename Real>
void fill_rope_table(const RopeTableInput& input, Real* cos, Real* sin, CudaStream stream) {
  launch_rope_table(CudaLauncher(stream), input, cos, sin);
}
ROPEWAY_ROPE_TABLE_CUDA

void fill_rope_angles(const RopeTableInput& input, double* angles, bool* scaled, CudaStream stream) {
  launch_rope_angles(CudaLauncher(stream), input, angles, scaled);
}

}  // namespace ropeway::cuda
