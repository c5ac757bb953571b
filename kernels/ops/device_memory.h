// The memory of the device that tensors live on, as libtorch's allocator manages it.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace ropeway::ops {

// Bytes free, as the driver counts them; 0: unknown (the CPU).
int64_t free_device_bytes(c10::Device device);

// Lets the allocator grow its segments in place ("expandable segments"), so that buffers that change their
// size from stage to stage leave no holes nobody fits into. To be called before the first tensor on a GPU;
// what the user's PYTORCH_ALLOC_CONF or PYTORCH_CUDA_ALLOC_CONF says goes before.
void use_growing_segments();

}  // namespace ropeway::ops
