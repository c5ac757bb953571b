#include "trainer/model/offloaded_activations.h"

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

int64_t bytes_in(const BlockActivations& record) {
  int64_t bytes = 0;
  for (const at::Tensor* tensor : {&record.input, &record.attention_out, &record.lse}) {
    if (tensor->defined()) bytes += static_cast<int64_t>(tensor->nbytes());
  }
  return bytes;
}

// The first bytes of flat host memory, as a tensor of the record.
at::Tensor shaped_like(const at::Tensor& host, const at::Tensor& tensor) {
  return host.narrow(0, 0, static_cast<int64_t>(tensor.nbytes()))
      .view(tensor.scalar_type())
      .view(tensor.sizes());
}

}  // namespace

OffloadedActivations::OffloadedActivations(const ModelConfig& config, int64_t slots,
                                           std::unique_ptr<ops::HostCopies> copies)
    : layers_(config.num_layers),
      hidden_(config.hidden_size),
      away_(static_cast<size_t>(config.num_layers)),
      slots_(static_cast<size_t>(slots)),
      copies_(std::move(copies)) {
  ROPEWAY_CHECK(slots >= 2, "{} slots: a record cannot leave while the next one is written", slots);
}

void OffloadedActivations::begin_step(int64_t tokens, at::TensorOptions options, int64_t) {
  tokens_ = tokens;
  options_ = options;
  peak_bytes_ = 0;
  for (Slot& slot : slots_) slot.layer = -1;
}

BlockActivations& OffloadedActivations::open(int64_t layer) {
  Slot& slot = slot_of(layer);
  if (slot.layer == layer) return slot.record;
  copies_->compute_after(slot.copy);
  slot.record = {};  // attention's results go back to the allocator before the next ones are made
  slot.record.input = slot.input.shaped({tokens_, hidden_}, options_);
  slot.layer = layer;
  return slot.record;
}

void OffloadedActivations::seal(int64_t layer) {
  int64_t bytes = 0;
  for (const Slot& slot : slots_) bytes += bytes_in(slot.record);
  peak_bytes_ = std::max(peak_bytes_, bytes);
  if (layer + num_slots() >= layers_) return;  // nothing will want its slot before backward does
  Slot& slot = slot_of(layer);
  Away& away = away_[static_cast<size_t>(layer)];
  send(slot.record.input, away.input, slot);
  if (!slot.record.attention_out.defined()) return;
  send(slot.record.attention_out, away.attention_out, slot);
  send(slot.record.lse, away.lse, slot);
}

BlockActivations& OffloadedActivations::fetch(int64_t layer) {
  Slot& slot = slot_of(layer);
  ROPEWAY_CHECK(slot.layer == layer, "block {} is fetched while its slot holds block {}", layer, slot.layer);
  copies_->compute_after(slot.copy);
  return slot.record;
}

void OffloadedActivations::release(int64_t layer) {
  const int64_t next = layer - num_slots();
  if (next < 0) return;
  Slot& slot = slot_of(layer);
  const Away& away = away_[static_cast<size_t>(next)];
  bring(away.input, slot.record.input, slot);
  if (slot.record.attention_out.defined()) {
    bring(away.attention_out, slot.record.attention_out, slot);
    bring(away.lse, slot.record.lse, slot);
  }
  slot.layer = next;
}

void OffloadedActivations::send(const at::Tensor& from, at::Tensor& host, Slot& slot) {
  ROPEWAY_CHECK(from.is_contiguous(), "a record's tensors must be contiguous");
  const auto bytes = static_cast<int64_t>(from.nbytes());
  if (!host.defined() || host.numel() < bytes) {
    host = at::Tensor();
    host = copies_->host_memory(bytes);
  }
  slot.copy = copies_->start(from, shaped_like(host, from));
}

void OffloadedActivations::bring(const at::Tensor& host, const at::Tensor& to, Slot& slot) {
  slot.copy = copies_->start(shaped_like(host, to), to);
}

}  // namespace ropeway
