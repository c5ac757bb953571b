#include "trainer/model/key_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <ranges>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"
#include "trainer/plan/key_cache_memory.h"

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
  int64_t total = bytes_of(reading_.keys) + bytes_of(reading_.values) + bytes_of(reading_.unrotated);
  for (const Layer& layer : layers_) {
    total += bytes_of(layer.keys) + bytes_of(layer.values) + bytes_of(layer.unrotated);
  }
  return total;
}

std::vector<KeyCache::Layer*> KeyCache::layers_of(const Rows& rows) {
  std::vector<Layer*> found;
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    if (&rows_in(layer) == &rows) found.push_back(&layers_[static_cast<size_t>(layer)]);
  }
  return found;
}

void KeyCache::ensure_rows(Rows& rows, int64_t wanted) {
  if (wanted <= rows.capacity) return;
  const std::vector<int64_t> sizes{config_.num_kv_heads, wanted, config_.head_dim};
  const auto grow = [&](at::Tensor& tensor) {
    const at::Tensor grown = at::empty(sizes, options_);
    if (rows.count() > 0) grown.narrow(1, 0, rows.count()).copy_(tensor.narrow(1, 0, rows.count()));
    tensor = grown;
  };
  for (Layer* layer : layers_of(rows)) {
    grow(layer->keys);
    grow(layer->values);
    if (keeps_unrotated(layer - layers_.data())) grow(layer->unrotated);
  }
  rows.capacity = wanted;
}

// What a rank reads is its share of the padded sequence, at most two chunks' worth of padding above the mean.
// Of a sliding window it may hold all, as the last tokens of a sequence that was read lie side by side.
void KeyCache::reserve(int64_t length) {
  const int64_t ranks = group_.size();
  const int64_t share = (length + ranks - 1) / ranks + 2 * chunk_multiple_ + 1;
  ensure_rows(full_, share);
  ensure_rows(sliding_, std::min(share, sliding_keys(config_).at_most + 1));
}

bool KeyCache::reaches_back_to(int64_t length) const {
  const bool any = std::ranges::any_of(std::views::iota(int64_t{0}, config_.num_layers),
                                       [&](int64_t layer) { return slides(config_, layer); });
  return !any || length == 0 || std::max<int64_t>(0, length + 1 - config_.sliding_window) >= sliding_.begin;
}

void KeyCache::truncate(int64_t length) {
  ROPEWAY_CHECK(length <= length_ && reaches_back_to(length), "a cache of {} tokens cut to {}", length_,
                length);
  length_ = length;
  for (Rows* rows : {&full_, &sliding_}) {
    rows->positions.erase(std::ranges::lower_bound(rows->positions, length), rows->positions.end());
    if (length == 0) rows->begin = 0;
  }
}

void KeyCache::begin(const std::vector<int64_t>& positions, int64_t length) {
  truncate(0);
  sliding_.begin = std::max<int64_t>(0, length - sliding_keys(config_).at_least);
  const auto end = std::ranges::lower_bound(positions, length);
  const auto first = std::ranges::lower_bound(positions.begin(), end, sliding_.begin);
  skipped_ = first - positions.begin();
  ensure_rows(full_, static_cast<int64_t>(positions.size()));
  ensure_rows(sliding_, std::max<int64_t>(1, end - first));  // a tensor also where a rank has none of them
  full_.positions.assign(positions.begin(), end);
  sliding_.positions.assign(first, end);
  length_ = length;
}

KeyRows KeyCache::first_rows(const Layer& layer, int64_t rows) {
  const auto first = [&](const at::Tensor& t) {
    return t.defined() ? tokens_first(t.narrow(1, 0, rows)) : at::Tensor();
  };
  return {first(layer.keys), first(layer.values), first(layer.unrotated)};
}

KeyRows KeyCache::rows_of(int64_t layer, int64_t rows) {
  if (!slides(config_, layer)) return first_rows(layers_[static_cast<size_t>(layer)], rows);
  const auto fit = [&](at::Tensor& t, bool wanted) {
    if (!wanted) t = at::Tensor();
    if (wanted && (!t.defined() || t.size(1) < rows)) {
      t = at::empty({config_.num_kv_heads, rows, config_.head_dim}, options_);
    }
  };
  fit(reading_.keys, true);
  fit(reading_.values, true);
  fit(reading_.unrotated, keeps_unrotated(layer));
  return first_rows(reading_, rows);
}

void KeyCache::keep_rows(int64_t layer) {
  if (!slides(config_, layer)) return;
  const int64_t count = sliding_.count();
  const Layer& to = layers_[static_cast<size_t>(layer)];
  const auto keep = [&](const at::Tensor& from, const at::Tensor& kept) {
    if (kept.defined() && count > 0) kept.narrow(1, 0, count).copy_(from.narrow(1, skipped_, count));
  };
  keep(reading_.keys, to.keys);
  keep(reading_.values, to.values);
  keep(reading_.unrotated, to.unrotated);
}

void KeyCache::end_reading() { reading_ = {}; }

void KeyCache::drop_before(int64_t position) {
  const int64_t dropped = std::ranges::lower_bound(sliding_.positions, position) - sliding_.positions.begin();
  const int64_t left = sliding_.count() - dropped;
  if (dropped > 0 && left > 0) {
    for (Layer* layer : layers_of(sliding_)) {
      for (const at::Tensor& t : {layer->keys, layer->values, layer->unrotated}) {
        if (t.defined()) t.narrow(1, 0, left).copy_(t.narrow(1, dropped, left).clone());
      }
    }
  }
  sliding_.positions.erase(sliding_.positions.begin(), sliding_.positions.begin() + dropped);
  sliding_.begin = std::max(sliding_.begin, position);
}

void KeyCache::extend(int64_t count) {
  const int64_t ranks = group_.size();
  const int64_t own =
      (length_ + count + ranks - 1 - group_.rank()) / ranks - (length_ + ranks - 1 - group_.rank()) / ranks;
  // Every rank forgets the same tokens at the same time, so that all of them reach back as far.
  if (length_ - sliding_.begin >= sliding_keys(config_).at_most)
    drop_before(length_ - sliding_keys(config_).at_least);
  for (Rows* rows : {&full_, &sliding_}) {
    const int64_t wanted = rows->count() + own;
    if (wanted > rows->capacity) ensure_rows(*rows, std::max(wanted, rows->capacity + rows->capacity / 2));
    for (int64_t position = length_; position < length_ + count; ++position) {
      if (position % ranks == group_.rank()) rows->positions.push_back(position);
    }
  }
  length_ += count;
}

void KeyCache::store_last(int64_t layer, const KeyRows& rows_of_all, int64_t count) {
  const int64_t ranks = group_.size(), begin = length_ - count;
  const int64_t first = (group_.rank() - begin % ranks + ranks) % ranks;  // of the rows that is ours
  if (first >= count) return;
  const int64_t rows = rows_in(layer).count();
  const auto store = [&](const at::Tensor& to, const at::Tensor& from) {
    if (!to.defined()) return;
    const at::Tensor own = from.slice(0, first, count, ranks);
    tokens_first(to.narrow(1, rows - own.size(0), own.size(0))).copy_(own);
  };
  const Layer& kept = layers_[static_cast<size_t>(layer)];
  store(kept.keys, rows_of_all.keys);
  store(kept.values, rows_of_all.values);
  store(kept.unrotated, rows_of_all.unrotated);
}

at::Tensor KeyCache::keys(int64_t layer) const {
  return layers_[static_cast<size_t>(layer)].keys.narrow(1, 0, rows_in(layer).count());
}
at::Tensor KeyCache::values(int64_t layer) const {
  return layers_[static_cast<size_t>(layer)].values.narrow(1, 0, rows_in(layer).count());
}
at::Tensor KeyCache::unrotated(int64_t layer) const {
  return layers_[static_cast<size_t>(layer)].unrotated.narrow(1, 0, rows_in(layer).count());
}

std::vector<ops::SeenRows> KeyCache::seen_by_last(int64_t layer, int64_t count) const {
  const std::vector<int64_t>& positions = rows_in(layer).positions;
  const int64_t window = config_.window_of_layer(layer);
  const auto rows_before = [&](int64_t position) {
    return std::ranges::lower_bound(positions, position) - positions.begin();
  };
  std::vector<ops::SeenRows> seen;
  for (int64_t position = length_ - count; position < length_; ++position) {
    seen.push_back({window > 0 ? rows_before(position + 1 - window) : 0, rows_before(position + 1)});
  }
  return seen;
}

}  // namespace ropeway
