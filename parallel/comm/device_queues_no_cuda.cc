// Stands in for device_queues_cuda.cc and nccl_library.cc in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "parallel/comm/device_queues.h"
#include "parallel/comm/nccl_api.h"

namespace ropeway {

std::unique_ptr<DeviceQueues> make_device_queues(int) {
  fail(ErrorKind::kLauncher, "device cuda: {}", cuda::why_unavailable());
}

NcclApi& nccl_library() { fail(ErrorKind::kLauncher, "NCCL: {}", cuda::why_unavailable()); }

}  // namespace ropeway
