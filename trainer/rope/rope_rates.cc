#include "trainer/rope/rope_rates.h"

#include "kernels/base/error.h"
#include "trainer/rope/schedules.h"

namespace ropeway {

RopeRates make_rope_rates(const FactorSet& set, int64_t pairs, int64_t layer) {
  const auto count = static_cast<int64_t>(set.factors.size());
  const bool per_layer = count != pairs;
  ROPEWAY_CHECK(pairs > 0 && layer >= 0 && count % pairs == 0 && (!per_layer || (layer + 1) * pairs <= count),
                "factor set '{}' has {} factors, asked for layer {} of {} pairs", set.name, count, layer,
                pairs);
  RopeRates rates;
  rates.plain = plain_frequencies({pairs, set.rope_theta, set.original_length});
  rates.scaled.resize(pairs);
  const double* factors = set.factors.data() + (per_layer ? layer * pairs : 0);
  for (int64_t i = 0; i < pairs; ++i) rates.scaled[i] = rates.plain[i] / factors[i];
  rates.attention_temperature = set.attention_temperature;
  rates.start_tokens = set.start_tokens;
  return rates;
}

}  // namespace ropeway
