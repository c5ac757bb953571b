#include "trainer/model/activation_store.h"

#include <algorithm>

namespace ropeway {

ResidentActivations::ResidentActivations(const ModelConfig& config)
    : config_(config), slots_(static_cast<size_t>(config.num_layers)) {}

void ResidentActivations::begin_step(int64_t tokens, at::TensorOptions options, int64_t keep_blocks) {
  tokens_ = tokens;
  keep_blocks_ = keep_blocks;
  options_ = options;
  bytes_ = peak_bytes_ = 0;
  for (Slot& slot : slots_) slot.tensors = BlockActivations();
}

BlockActivations& ResidentActivations::open(int64_t layer) {
  Slot& slot = slots_[static_cast<size_t>(layer)];
  if (slot.tensors.input.defined()) return slot.tensors;
  slot.tensors.input = slot.input.shaped({tokens_, config_.hidden_size}, options_);
  if (layer < keep_blocks_) {
    const int64_t qkv = (config_.num_heads + 2 * config_.num_kv_heads) * config_.head_dim;
    slot.tensors.qkv = slot.qkv.shaped({tokens_, qkv}, options_);
    slot.tensors.middle = slot.middle.shaped({tokens_, config_.hidden_size}, options_);
    if (config_.num_experts == 0) {
      slot.tensors.gate_up = slot.gate_up.shaped({tokens_, 2 * config_.intermediate_size}, options_);
    }
  }
  return slot.tensors;
}

void ResidentActivations::seal(int64_t layer) {
  Slot& slot = slots_[static_cast<size_t>(layer)];
  const BlockActivations& t = slot.tensors;
  slot.bytes = 0;
  for (const at::Tensor* tensor : {&t.input, &t.attention_out, &t.lse, &t.qkv, &t.middle, &t.gate_up}) {
    if (tensor->defined()) slot.bytes += static_cast<int64_t>(tensor->nbytes());
  }
  bytes_ += slot.bytes;
  peak_bytes_ = std::max(peak_bytes_, bytes_);
}

BlockActivations& ResidentActivations::fetch(int64_t layer) {
  return slots_[static_cast<size_t>(layer)].tensors;
}

void ResidentActivations::release(int64_t layer) {
  Slot& slot = slots_[static_cast<size_t>(layer)];
  slot.tensors = BlockActivations();
  bytes_ -= slot.bytes;
}

}  // namespace ropeway
