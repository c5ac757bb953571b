#include "trainer/model/key_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"

namespace ropeway {
namespace {

int64_t bytes_of(const at::Tensor& t) { return t.defined() ? static_cast<int64_t>(t.nbytes()) : 0; }

// [K, n, D] <-> [n, K, D]
at::Tensor tokens_first(const at::Tensor& t) { return t.transpose(0, 1); }

}  // namespace

KeyCache::KeyCache(const ModelConfig& config, at::TensorOptions options, Communicator& group,
                   int64_t chunk_multiple, bool keeps_unrotated)
    : config_(config),
      options_(options),
      group_(group),
      chunk_multiple_(chunk_multiple),
      keeps_unrotated_(keeps_unrotated),
      layers_(static_cast<size_t>(config.num_layers)) {}

int64_t KeyCache::bytes() const {
  int64_t total = 0;
  for (const Layer& layer : layers_) {
    total += bytes_of(layer.keys) + bytes_of(layer.values) + bytes_of(layer.unrotated);
  }
  return total;
}

int64_t KeyCache::bytes_for(const ModelConfig& config, int64_t length, int ranks, int64_t element_bytes,
                            bool keeps_unrotated) {
  int64_t tensors = 2 * config.num_layers;
  for (int64_t layer = 0; keeps_unrotated && layer < config.num_layers; ++layer) {
    if (config.takes_factors(layer)) ++tensors;
  }
  return (length + ranks - 1) / ranks * tensors * config.num_kv_heads * config.head_dim * element_bytes;
}

void KeyCache::ensure_rows(int64_t wanted) {
  if (wanted <= capacity_) return;
  const std::vector<int64_t> sizes{config_.num_kv_heads, wanted, config_.head_dim};
  const auto grow = [&](at::Tensor& tensor) {
    const at::Tensor grown = at::empty(sizes, options_);
    if (rows() > 0) grown.narrow(1, 0, rows()).copy_(tensor.narrow(1, 0, rows()));
    tensor = grown;
  };
  for (int64_t i = 0; i < config_.num_layers; ++i) {
    Layer& layer = layers_[static_cast<size_t>(i)];
    grow(layer.keys);
    grow(layer.values);
    if (keeps_unrotated(i)) grow(layer.unrotated);
  }
  capacity_ = wanted;
}

// What a rank reads is its share of the padded sequence, at most two chunks' worth of padding above the mean.
void KeyCache::reserve(int64_t length) {
  const int64_t ranks = group_.size();
  ensure_rows((length + ranks - 1) / ranks + 2 * chunk_multiple_ + 1);
}

void KeyCache::truncate(int64_t length) {
  ROPEWAY_CHECK(length <= length_, "a cache of {} tokens cut to {}", length_, length);
  length_ = length;
  positions_.erase(std::ranges::lower_bound(positions_, length), positions_.end());
}

void KeyCache::begin(const std::vector<int64_t>& positions, int64_t length) {
  ROPEWAY_CHECK(length_ == 0, "a sequence begins in a cache of {} tokens", length_);
  ensure_rows(static_cast<int64_t>(positions.size()));
  length_ = length;
  positions_.assign(positions.begin(), std::ranges::lower_bound(positions, length));
}

KeyRows KeyCache::rows_of(int64_t layer, int64_t rows) const {
  const Layer& kept = layers_[static_cast<size_t>(layer)];
  const auto first = [&](const at::Tensor& t) {
    return t.defined() ? tokens_first(t.narrow(1, 0, rows)) : at::Tensor();
  };
  return {first(kept.keys), first(kept.values), first(kept.unrotated)};
}

void KeyCache::extend(int64_t count) {
  const int64_t ranks = group_.size();
  const int64_t own =
      (length_ + count + ranks - 1 - group_.rank()) / ranks - (length_ + ranks - 1 - group_.rank()) / ranks;
  if (rows() + own > capacity_) ensure_rows(std::max(rows() + own, capacity_ + capacity_ / 2));
  for (int64_t position = length_; position < length_ + count; ++position) {
    if (position % ranks == group_.rank()) positions_.push_back(position);
  }
  length_ += count;
}

void KeyCache::store_last(int64_t layer, const KeyRows& rows_of_all, int64_t count) {
  const int64_t ranks = group_.size(), begin = length_ - count;
  const int64_t first = (group_.rank() - begin % ranks + ranks) % ranks;  // of the rows that is ours
  if (first >= count) return;
  const auto store = [&](const at::Tensor& to, const at::Tensor& from) {
    if (!to.defined()) return;
    const at::Tensor own = from.slice(0, first, count, ranks);
    tokens_first(to.narrow(1, rows() - own.size(0), own.size(0))).copy_(own);
  };
  const Layer& kept = layers_[static_cast<size_t>(layer)];
  store(kept.keys, rows_of_all.keys);
  store(kept.values, rows_of_all.values);
  store(kept.unrotated, rows_of_all.unrotated);
}

at::Tensor KeyCache::keys(int64_t layer) const {
  return layers_[static_cast<size_t>(layer)].keys.narrow(1, 0, rows());
}
at::Tensor KeyCache::values(int64_t layer) const {
  return layers_[static_cast<size_t>(layer)].values.narrow(1, 0, rows());
}
at::Tensor KeyCache::unrotated(int64_t layer) const {
  return layers_[static_cast<size_t>(layer)].unrotated.narrow(1, 0, rows());
}

std::vector<ops::SeenRows> KeyCache::seen_by_last(int64_t count, int64_t window) const {
  const auto rows_before = [&](int64_t position) {
    return std::ranges::lower_bound(positions_, position) - positions_.begin();
  };
  std::vector<ops::SeenRows> seen;
  for (int64_t position = length_ - count; position < length_; ++position) {
    seen.push_back({window > 0 ? rows_before(position + 1 - window) : 0, rows_before(position + 1)});
  }
  return seen;
}

}  // namespace ropeway
