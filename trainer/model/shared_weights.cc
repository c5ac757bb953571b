#include "trainer/model/shared_weights.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

DType dtype_of(const at::Tensor& own) {
  if (own.scalar_type() == at::kBFloat16) return DType::kBF16;
  return own.scalar_type() == at::kDouble ? DType::kF64 : DType::kF32;
}

}  // namespace

SharedWeights::SharedWeights(Communicator& group, const std::vector<NamedShape>& names,
                             const UnitShards& shards, at::Tensor own)
    : group_(group), shards_(shards), own_(std::move(own)) {
  ROPEWAY_CHECK(own_.is_cpu() && own_.is_contiguous(), "a share must be contiguous, in host memory");
  int64_t begin = 0;
  for (const NamedShape& named : names) {
    int64_t count = 1;
    for (const int64_t size : named.shape) count *= size;
    weights_.push_back({&named, shards.unit_at(begin), begin, count});
    begin += count;
  }
  std::ranges::sort(weights_, {}, [](const Weight& weight) { return weight.named->name; });
  int64_t longest = 0;
  for (const Weight& weight : weights_) {
    longest = std::max(longest, shards.padded(weight.unit));
    if (sequence_.empty() || sequence_.back() != weight.unit) sequence_.push_back(weight.unit);
  }
  memory_ = at::empty({longest}, own_.options());
}

void SharedWeights::gather_next() {
  const size_t unit = sequence_[next_++];
  const auto element = static_cast<int64_t>(own_.element_size());
  group_.all_gather(static_cast<const std::byte*>(own_.const_data_ptr()) + shards_.own_begin(unit) * element,
                    memory_.mutable_data_ptr(), shards_.row(unit) * element);
}

void SharedWeights::put(const Weight& weight, const PutBytes& put) {
  if (next_ == 0 || sequence_[next_ - 1] != weight.unit) gather_next();
  ROPEWAY_CHECK(sequence_[next_ - 1] == weight.unit, "weight {} is asked for out of order",
                weight.named->name);
  const auto element = static_cast<int64_t>(memory_.element_size());
  const auto* bytes = static_cast<const std::byte*>(memory_.const_data_ptr());
  put(bytes + (weight.begin - shards_.unit(weight.unit).begin) * element, weight.count * element);
}

std::vector<TensorStream> SharedWeights::streams() {
  std::vector<TensorStream> streams;
  for (const Weight& weight : weights_) {
    streams.push_back({weight.named->name, dtype_of(own_), weight.named->shape,
                       [this, &weight](const PutBytes& put) { this->put(weight, put); }});
  }
  return streams;
}

void SharedWeights::finish() {
  while (next_ < sequence_.size()) gather_next();
}

}  // namespace ropeway
