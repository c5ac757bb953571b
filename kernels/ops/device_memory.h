// The memory of the device that tensors live on, as libtorch's allocator manages it.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace ropeway::ops {

// Bytes that tensors may take in all: those they take now and those that are free, as the driver counts them
// once the allocator has given back what it keeps in reserve. 0: unknown (the CPU). For the time between
// passes: may wait for the device.
int64_t usable_device_bytes(c10::Device device);

// The most that tensors of all threads took at once so far (what torch.cuda.max_memory_allocated tells), the
// workspaces of libtorch's operators among them, reserves and CUDA's own memory not. 0 on the CPU.
int64_t peak_device_bytes(c10::Device device);

// Lets the allocator grow its segments in place ("expandable segments"), so that buffers that change their
// size from stage to stage leave no holes nobody fits into. To be called before the first tensor on a GPU
// (cuda_backend.cc does); what the user's PYTORCH_ALLOC_CONF or PYTORCH_CUDA_ALLOC_CONF says goes before.
void use_growing_segments();

}  // namespace ropeway::ops
