#include "kernels/ops/device_memory.h"

#include <c10/core/AllocatorConfig.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <cstdlib>

#include "kernels/base/error.h"

namespace ropeway::ops {

namespace {

c10::DeviceAllocator& allocator_of(c10::Device device) {
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
  ROPEWAY_CHECK(allocator != nullptr, "{} has no allocator that knows its memory", device.str());
  return *allocator;
}

// Blocks of all sizes together. Before the first tensor there are no statistics.
c10::CachingAllocator::Stat allocated_bytes(c10::DeviceAllocator& allocator, c10::Device device) {
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return allocator.initialized() ? allocator.getDeviceStats(device.index()).allocated_bytes[kAll]
                                 : c10::CachingAllocator::Stat();
}

}  // namespace

int64_t usable_device_bytes(c10::Device device) {
  if (device.is_cpu()) return 0;
  c10::DeviceAllocator& allocator = allocator_of(device);
  if (allocator.initialized()) allocator.emptyCache();
  return static_cast<int64_t>(allocator.getMemoryInfo(device.index()).first) +
         allocated_bytes(allocator, device).current;
}

int64_t peak_device_bytes(c10::Device device) {
  return device.is_cpu() ? 0 : allocated_bytes(allocator_of(device), device).peak;
}

void use_growing_segments() {
  for (const char* name : {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"}) {
    if (std::getenv(name) != nullptr) return;
  }
  c10::CachingAllocator::setAllocatorSettings("expandable_segments:True");
}

}  // namespace ropeway::ops
