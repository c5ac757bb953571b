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

EngineOptions engine_options(const MemoryOptions& memory, c10::Device device) {
  EngineOptions options{.save_attention = memory.save_attention,
                        .keep_bytes = memory.keep_bytes,
                        .tile_tokens = memory.tile_tokens,
                        .loss_tile_tokens = memory.loss_tile_tokens};
  if (memory.offload) {
    options.make_activations = [device](const ModelConfig& shape) {
      return std::make_unique<OffloadedActivations>(shape, ops::make_host_copies(device));
    };
  }
  return options;
}

}  // namespace ropeway
