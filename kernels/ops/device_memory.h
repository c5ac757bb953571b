// The memory of the device that tensors live on, as libtorch's allocator manages it.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace ropeway::ops {

// Bytes that tensors may take in all: those they take now and those that are free, as the driver counts
// them once the allocator has returned its reserves. 0: unknown (the CPU). To be called between passes:
// it may wait for the device.
int64_t usable_device_bytes(c10::Device device);

// The most that tensors of all threads took at once so far (what torch.cuda.max_memory_allocated tells), the
// workspaces of libtorch's operators among them, reserves and CUDA's own memory not. 0 on the CPU.
int64_t peak_device_bytes(c10::Device device);

// Lets the allocator grow its segments in place ("expandable segments"), so that buffers that change their
// size from stage to stage leave no holes too small to use. To be called before the first tensor on a GPU
// (cuda_backend.cc does); the user's PYTORCH_ALLOC_CONF or PYTORCH_CUDA_ALLOC_CONF takes precedence.
void use_growing_segments();

}  // namespace ropeway::ops
