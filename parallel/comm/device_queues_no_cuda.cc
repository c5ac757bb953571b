// Stands in for device_queues_cuda.cc in builds without CUDA.
#include "kernels/base/cuda_status.h"
#include "kernels/base/error.h"
#include "parallel/comm/device_queues.h"

namespace ropeway {

std::unique_ptr<DeviceQueues> make_device_queues(int) {
  fail(ErrorKind::kLauncher, "device cuda: {}", cuda::why_unavailable());
}

}  // namespace ropeway
