#include "trainer/model/rope_cache.h"
#include "kernels/ops/rope_ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace ropeway {

namespace {

bool same_rates(const RopeRates& a, const RopeRates& b) {
  return a.scaled == b.scaled && a.plain == b.plain && a.attention_temperature == b.attention_temperature &&
         a.start_tokens == b.start_tokens;
}

int64_t bytes(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}

}  // namespace

RopeCache::RopeCache(int64_t pairs, at::TensorOptions options, int64_t limit_bytes)
    : pairs_(pairs), options_(options), limit_bytes_(limit_bytes) {}

at::Tensor RopeCache::table(const std::vector<int64_t>& positions, at::TensorOptions options) const {
  return at::empty({static_cast<int64_t>(positions.size()), pairs_}, options);
}

at::Tensor RopeCache::on_device(const std::vector<int64_t>& positions) const {
  return at::tensor(positions, at::kLong).to(options_.device());
}

ops::RopeRateTensors RopeCache::on_device(const RopeRates& rates) const {
  const auto moved = [this](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).to(options_.device());
  };
  return {.scaled = moved(rates.scaled),
          .plain = moved(rates.plain),
          .temperature = rates.attention_temperature,
          .start_tokens = rates.start_tokens};
}

int64_t RopeCache::bytes_of(const Entry& entry) {
  return bytes(entry.tables.cos) + bytes(entry.tables.sin) + bytes(entry.tables.angles);
}

RopeTables RopeCache::get(const FactorSet& set, int64_t layer, const std::vector<int64_t>& positions,
                          bool with_angles) {
  RopeRates rates = make_rope_rates(set, pairs_, layer);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return same_rates(entry.rates, rates) && entry.positions == positions;
  });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    const at::Tensor cos = table(positions, options_), sin = table(positions, options_);
    ops::rope_table(on_device(positions), on_device(rates), cos, sin);
    entries_.push_front({positions, std::move(rates), {.cos = cos, .sin = sin, .angles = {}, .scaled = {}}});
  }
  Entry& entry = entries_.front();
  if (with_angles && !entry.tables.angles.defined()) {
    const at::Tensor angles = table(positions, options_.dtype(at::kDouble));
    const at::Tensor scaled = at::empty({angles.size(0)}, options_.dtype(at::kBool));
    ops::rope_angles(on_device(positions), on_device(entry.rates), angles, scaled);
    entry.tables.angles = angles;
    entry.tables.scaled = scaled;
  }
  int64_t total = 0;
  auto last = entries_.begin();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    total += bytes_of(*it);
    if (total <= limit_bytes_) last = it;
  }
  entries_.erase(std::next(last), entries_.end());  // the newest stays, whatever its size
  return entries_.front().tables;
}

BatchRope RopeCache::get(const BatchFactors& factors, int64_t layer, const SequenceLayout& layout,
                         bool with_angles) {
  BatchRope rope;
  for (const RotaryList& list : layout.rotary_lists()) {
    rope.by_list.push_back(get(factors.of(list.factor_set), layer, list.positions, with_angles));
  }
  return rope;
}

}  // namespace ropeway
