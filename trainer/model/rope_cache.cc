#include "trainer/model/rope_cache.h"

#include <ATen/ops/empty.h>

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
    const auto n = static_cast<int64_t>(positions.size());
    const at::ScalarType type = options_.dtype().toScalarType();
    const at::Tensor cos = at::empty({n, pairs_}, type), sin = at::empty({n, pairs_}, type);
    if (type == at::kDouble) {
      fill_rope_table(rates, positions, cos.data_ptr<double>(), sin.data_ptr<double>());
    } else {
      fill_rope_table(rates, positions, cos.data_ptr<float>(), sin.data_ptr<float>());
    }
    RopeTables tables;
    tables.cos = cos.to(options_.device());
    tables.sin = sin.to(options_.device());
    entries_.push_front({positions, std::move(rates), std::move(tables)});
  }
  Entry& entry = entries_.front();
  if (with_angles && !entry.tables.angles.defined()) {
    const auto n = static_cast<int64_t>(positions.size());
    const at::Tensor angles = at::empty({n, pairs_}, at::kDouble), scaled = at::empty({n}, at::kBool);
    fill_rope_angles(entry.rates, positions, angles.data_ptr<double>());
    bool* is_scaled = scaled.data_ptr<bool>();
    for (size_t i = 0; i < positions.size(); ++i) is_scaled[i] = positions[i] >= entry.rates.start_tokens;
    entry.tables.angles = angles.to(options_.device());
    entry.tables.scaled = scaled.to(options_.device());
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

}  // namespace ropeway
