#include "kernels/ops/device_memory.h"

#include <c10/core/AllocatorConfig.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "kernels/ops/host_copies.h"

namespace ropeway::ops {
namespace {

using c10::CachingAllocator::AcceleratorAllocatorConfig;

TEST(DeviceMemory, OfACpuIsUnknown) {
  EXPECT_EQ(usable_device_bytes(c10::Device(c10::kCPU)), 0);
  EXPECT_EQ(peak_device_bytes(c10::Device(c10::kCPU)), 0);
}

TEST(DeviceMemory, OfTheHostIsLessThanAllAndMoreThanNone) {
  EXPECT_GT(available_host_bytes(), 1 << 20);
  EXPECT_LT(available_host_bytes(), sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

TEST(DeviceMemory, SegmentsGrowUnlessTheUserSaysOtherwise) {
  setenv("PYTORCH_ALLOC_CONF", "max_split_size_mb:512", 1);
  use_growing_segments();
  EXPECT_FALSE(AcceleratorAllocatorConfig::use_expandable_segments());
  unsetenv("PYTORCH_ALLOC_CONF");
  unsetenv("PYTORCH_CUDA_ALLOC_CONF");
  use_growing_segments();
  EXPECT_TRUE(AcceleratorAllocatorConfig::use_expandable_segments());
}

}  // namespace
}  // namespace ropeway::ops
