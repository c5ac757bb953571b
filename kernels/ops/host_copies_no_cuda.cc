// Stands in for host_copies_cuda.cc in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/ops/host_copies.h"

namespace ropeway::ops {

std::unique_ptr<HostCopies> make_cuda_host_copies(c10::Device) { cuda::built_without_cuda("host copies"); }

}  // namespace ropeway::ops
