#include "kernels/ops/device_memory.h"

#include <c10/core/AllocatorConfig.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <cstdlib>

#include "kernels/base/error.h"

namespace ropeway::ops {

int64_t free_device_bytes(c10::Device device) {
  if (device.is_cpu()) return 0;
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
  ROPEWAY_CHECK(allocator != nullptr, "{} has no allocator that knows its memory", device.str());
  return static_cast<int64_t>(allocator->getMemoryInfo(device.index()).first);
}

void use_growing_segments() {
  for (const char* name : {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"}) {
    if (std::getenv(name) != nullptr) return;
  }
  c10::CachingAllocator::setAllocatorSettings("expandable_segments:True");
}

}  // namespace ropeway::ops
