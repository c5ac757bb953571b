#include "trainer/finetune/step_memory.h"

#include <algorithm>

#include "trainer/plan/memory_model.h"

namespace ropeway {
namespace {

int64_t bytes(const at::Tensor& tensor) { return static_cast<int64_t>(tensor.nbytes()); }

}  // namespace

StepMemory::StepMemory(const TrainContext& context)
    : context_(context),
      meter_(context.parameters->weight_options().device().type()),
      weights_before_(context.parameters->bytes().weights) {}

void StepMemory::end_step(const ShardedAdamW& optimizer, const LocalBatch& batch) {
  const CausalLM& model = *context_.model;
  const auto [weights, gradients] = context_.parameters->bytes();
  const auto dtype = context_.parameters->weight_options().dtype();
  const int64_t optimizer_bytes = (optimizer.masters_are_weights() ? 0 : bytes(optimizer.master())) +
                                  bytes(optimizer.moment1()) + bytes(optimizer.moment2());
  const int64_t checkpoints = model.activation_bytes();
  const int64_t ring = ring_slot_bytes(model.config(), batch.tokens.numel(), context_.mesh->shape(),
                                       static_cast<int64_t>(dtype.itemsize()), /*gradients=*/true) /
                       model.plan().head_groups;
  const int64_t rest =
      meter_.peak_bytes() - (weights - weights_before_) - gradients - optimizer_bytes - checkpoints - ring;
  latest_ = {
      {"weights", weights},         {"gradients", gradients}, {"optimizer", optimizer_bytes},
      {"checkpoints", checkpoints}, {"ring", ring},           {"transients", std::max<int64_t>(0, rest)}};
  if (meter_.peak_bytes() > highest_peak_) {
    highest_peak_ = meter_.peak_bytes();
    highest_ = latest_;
  }
}

}  // namespace ropeway
