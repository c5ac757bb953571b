#include "trainer/finetune/step_memory.h"

#include <algorithm>

#include "trainer/plan/memory_model.h"

namespace ropeway {
namespace {

int64_t bytes(const at::Tensor& tensor) { return static_cast<int64_t>(tensor.nbytes()); }

}  // namespace

StepMemory::StepMemory(const TrainContext& context)
    : context_(context), meter_(context.parameters->flat_weights().device().type()) {}

const StepMemory::Parts& StepMemory::end_step(const ShardedAdamW& optimizer, const LocalBatch& batch) {
  const CausalLM& model = *context_.model;
  const at::Tensor weights = context_.parameters->flat_weights();
  const int64_t gradients = bytes(context_.parameters->flat_gradients());
  // A master of the weights' own type is part of the weights.
  const bool own_master = optimizer.master().scalar_type() != weights.scalar_type();
  const int64_t optimizer_bytes =
      (own_master ? bytes(optimizer.master()) : 0) + bytes(optimizer.moment1()) + bytes(optimizer.moment2());
  const int64_t checkpoints = model.activation_bytes();
  const int64_t ring =
      ring_slot_bytes(model.config(), batch.tokens.numel(), context_.mesh->size(Axis::kSequence),
                      weights.element_size(), /*gradients=*/true);
  const int64_t rest = meter_.peak_bytes() - gradients - optimizer_bytes - checkpoints - ring;
  parts_ = {
      {"weights", bytes(weights)},  {"gradients", gradients}, {"optimizer", optimizer_bytes},
      {"checkpoints", checkpoints}, {"ring", ring},           {"transients", std::max<int64_t>(0, rest)}};
  if (meter_.peak_bytes() > highest_peak_) {
    highest_peak_ = meter_.peak_bytes();
    highest_ = parts_;
  }
  return parts_;
}

}  // namespace ropeway
