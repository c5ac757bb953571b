// Stands in for nccl_library.cc in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "parallel/comm/nccl_library.h"

namespace ropeway {

NcclApi& nccl_library() { fail(ErrorKind::kLauncher, "NCCL: {}", cuda::why_unavailable()); }

}  // namespace ropeway
