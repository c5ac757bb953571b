// What of a plan for the engine depends on the device.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "parallel/comm/communicator.h"
#include "trainer/model/activation_store.h"
#include "trainer/plan/make_plan.h"

namespace ropeway {

// Collective. What tensors may take of every rank's device, the same on all: the least that any has, in whole
// GiB, less one. Unknown on the CPU.
DeviceMemory device_memory(c10::Device device, Communicator& world);

// Where blocks' records wait for backward: on `device`, where the weights are, or in host memory.
std::unique_ptr<ActivationStore> make_activations(const ModelConfig& config, const EnginePlan& plan,
                                                  c10::Device device);

}  // namespace ropeway
