#include "trainer/rope/factor_set.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

void require_positive(int64_t value, const char* field, const FactorSet& set, const std::string& where) {
  if (value <= 0) {
    fail(ErrorKind::kBadData, "{}: factor set '{}': {} is {}, wanted a number of tokens above 0", where,
         set.name, field, value);
  }
}

}  // namespace

void check_factor_set(const FactorSet& set, int64_t num_pairs, int64_t num_layers, const std::string& where) {
  if (set.name.empty()) fail(ErrorKind::kBadData, "{}: a factor set has no name", where);
  require_positive(set.original_length, "original_length", set, where);
  require_positive(set.max_length, "max_length", set, where);
  if (!std::isfinite(set.rope_theta) || set.rope_theta <= 1) {
    fail(ErrorKind::kBadData, "{}: factor set '{}': rope_theta is {}, wanted a finite base above 1", where,
         set.name, set.rope_theta);
  }
  const auto count = static_cast<int64_t>(set.factors.size());
  if (count != num_pairs && count != num_layers * num_pairs) {
    fail(
        ErrorKind::kBadData,
        "{}: factor set '{}': {} factors, wanted {} (one per rotary pair) or {} (that for each of {} layers)",
        where, set.name, count, num_pairs, num_layers * num_pairs, num_layers);
  }
  for (int64_t i = 0; i < count; ++i) {
    const double factor = set.factors[i];
    if (!(factor > 0)) {
      fail(ErrorKind::kBadData, "{}: factor set '{}': factors[{}] is {}, wanted a number above 0", where,
           set.name, i, factor);
    }
  }
  if (!std::isfinite(set.attention_temperature) || set.attention_temperature <= 0) {
    fail(ErrorKind::kBadData,
         "{}: factor set '{}': attention_temperature is {}, wanted a finite number above 0", where, set.name,
         set.attention_temperature);
  }
  if (set.start_tokens < 0) {
    fail(ErrorKind::kBadData, "{}: factor set '{}': start_tokens is {}, wanted 0 or more", where, set.name,
         set.start_tokens);
  }
  if (set.above < 0) {
    fail(ErrorKind::kBadData, "{}: factor set '{}': above is {}, wanted 0 or more tokens", where, set.name,
         set.above);
  }
}

bool is_trained(const FactorSet& set) {
  return set.history.method == kTunedMethod || set.history.method.starts_with(kDescribedMethod);
}

bool has_left_original(const FactorSet& set) {
  return set.history.method == kTunedMethod && set.history.short_share == 0;
}

bool is_for_weights(const FactorSet& set, const std::string& weights) {
  return set.weights.empty() || set.weights == weights;
}

const FactorSet* find_factor_set(const std::vector<FactorSet>& sets, const std::string& name) {
  for (const FactorSet& set : sets) {
    if (set.name == name) return &set;
  }
  return nullptr;
}

FactorSet select_factor_set(const std::vector<FactorSet>& sets, int64_t length, const FactorSet& identity) {
  const bool original_is_right =
      length <= identity.original_length && std::ranges::none_of(sets, has_left_original);
  const FactorSet* covering = nullptr;
  const FactorSet* largest = nullptr;
  for (const FactorSet& set : sets) {
    if (length <= set.above) continue;
    // Inside the original window the original RoPE is right unless a set was made for that range.
    if (original_is_right && set.max_length > identity.original_length) continue;
    if (largest == nullptr || set.max_length >= largest->max_length) largest = &set;
    if (set.max_length < length) continue;
    if (covering == nullptr || set.max_length <= covering->max_length) covering = &set;
  }
  if (covering != nullptr) return *covering;
  if (original_is_right || largest == nullptr) return identity;
  return *largest;
}

}  // namespace ropeway
