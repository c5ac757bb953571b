// How an engine is set up for the memory there is.
#pragma once

#include <c10/core/Device.h>

#include "parallel/comm/communicator.h"
#include "trainer/model/causal_lm.h"
#include "trainer/plan/stage_memory.h"

namespace ropeway {

// Collective. What tensors may take of every rank's device, the same on all: the least that any has, in whole
// GiB, less one. Unknown on the CPU.
DeviceMemory device_memory(c10::Device device, Communicator& world);

// The engine whose memory the formulas tell for these options; `device` is where the weights are.
EngineOptions engine_options(const MemoryOptions& memory, c10::Device device);

}  // namespace ropeway
