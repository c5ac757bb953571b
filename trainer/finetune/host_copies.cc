#include "trainer/finetune/host_copies.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/ops/optim_ops.h"

namespace ropeway {
namespace {

// Looked at while they are in the cache: the check costs next to nothing beside the copy.
constexpr int64_t kPiece = 1 << 17;  // elements

bool is_part_of(const at::Tensor& tensor, const at::Tensor& whole) {
  if (!tensor.storage().is_alias_of(whole.storage()) || tensor.scalar_type() != whole.scalar_type())
    return false;
  const int64_t begin = tensor.storage_offset(), from = whole.storage_offset();
  return from <= begin && begin + tensor.numel() <= from + whole.numel();
}

bool holds_one_like(const at::Tensor& memory, const at::Tensor& tensor) {
  return memory.defined() && memory.sizes() == tensor.sizes() && memory.scalar_type() == tensor.scalar_type();
}

}  // namespace

int64_t HostCopies::bytes_to_take(const std::vector<at::Tensor>& tensors) const {
  int64_t bytes = 0;
  std::vector<at::Tensor> copied;
  for (const at::Tensor& tensor : tensors) {
    if (std::ranges::any_of(copied, [&](const at::Tensor& whole) { return is_part_of(tensor, whole); }))
      continue;
    const size_t place = copied.size();
    if (place >= memory_.size() || !holds_one_like(memory_[place], tensor)) {
      bytes += static_cast<int64_t>(tensor.nbytes());
    }
    copied.push_back(tensor);
  }
  return bytes;
}

void HostCopies::start_over() {
  copied_.clear();
  finite_ = true;
}

at::Tensor HostCopies::copy(const at::Tensor& tensor) {
  ROPEWAY_CHECK(tensor.is_contiguous(), "a tensor to copy is not contiguous");
  for (const auto& [original, copy] : copied_) {
    if (!is_part_of(tensor, original)) continue;
    return copy.as_strided(tensor.sizes(), tensor.strides(),
                           tensor.storage_offset() - original.storage_offset());
  }
  const size_t place = copied_.size();
  if (place == memory_.size()) memory_.emplace_back();
  at::Tensor& memory = memory_[place];
  if (!holds_one_like(memory, tensor)) {
    memory = at::Tensor();  // before the new one: they need not be held at once
    memory = at::empty(tensor.sizes(), tensor.options().device(at::kCPU));
  }
  fill(tensor, memory);
  copied_.push_back({tensor, memory});
  return memory;
}

void HostCopies::fill(const at::Tensor& from, const at::Tensor& to) {
  if (!from.is_cpu()) to.copy_(from);
  const at::Tensor source = from.flatten(), target = to.flatten();
  for (int64_t begin = 0; begin < target.numel(); begin += kPiece) {
    const int64_t count = std::min(kPiece, target.numel() - begin);
    const at::Tensor piece = target.narrow(0, begin, count);
    if (from.is_cpu()) piece.copy_(source.narrow(0, begin, count));
    finite_ = finite_ && ops::find_non_finite(piece).count == 0;
  }
}

}  // namespace ropeway
