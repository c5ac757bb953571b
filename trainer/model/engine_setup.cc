#include "trainer/model/engine_setup.h"

#include <algorithm>

#include "kernels/ops/device_memory.h"
#include "trainer/model/offloaded_activations.h"

namespace ropeway {

DeviceMemory device_memory(c10::Device device, Communicator& world) {
  if (device.is_cpu()) return {};
  constexpr int64_t kGiB = int64_t{1} << 30;
  int64_t gib = ops::usable_device_bytes(device) / kGiB;
  world.all_reduce(&gib, 1, DType::kI64, ReduceOp::kMin);
  return {.cuda = true, .bytes = std::max<int64_t>(1, gib - 1) * kGiB};
}

std::unique_ptr<ActivationStore> make_activations(const ModelConfig& config, const EnginePlan& plan,
                                                  c10::Device device) {
  if (!plan.offload) return std::make_unique<ResidentActivations>(config);
  return std::make_unique<OffloadedActivations>(config, plan.offload_slots, ops::make_host_copies(device));
}

}  // namespace ropeway
