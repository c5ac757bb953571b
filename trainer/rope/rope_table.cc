#include "trainer/rope/rope_table.h"

#include <cmath>

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

template <typename Real>
void fill_rope_table(const RopeRates& rates, std::span<const int64_t> positions, Real* cos_table,
                     Real* sin_table) {
  const auto pairs = static_cast<int64_t>(rates.scaled.size());
  for (size_t row = 0; row < positions.size(); ++row) {
    const int64_t position = positions[row];
    const bool start = position < rates.start_tokens;
    const double* rate = (start ? rates.plain : rates.scaled).data();
    const double temperature = start ? 1.0 : rates.attention_temperature;
    Real* cos_row = cos_table + static_cast<int64_t>(row) * pairs;
    Real* sin_row = sin_table + static_cast<int64_t>(row) * pairs;
    for (int64_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(position) * rate[i];
      cos_row[i] = static_cast<Real>(temperature * std::cos(angle));
      sin_row[i] = static_cast<Real>(temperature * std::sin(angle));
    }
  }
}
template void fill_rope_table<float>(const RopeRates&, std::span<const int64_t>, float*, float*);
template void fill_rope_table<double>(const RopeRates&, std::span<const int64_t>, double*, double*);

void fill_rope_angles(const RopeRates& rates, std::span<const int64_t> positions, double* angles) {
  const auto pairs = static_cast<int64_t>(rates.scaled.size());
  for (size_t row = 0; row < positions.size(); ++row) {
    const bool start = positions[row] < rates.start_tokens;
    double* angle_row = angles + static_cast<int64_t>(row) * pairs;
    for (int64_t i = 0; i < pairs; ++i) {
      angle_row[i] = start ? 0.0 : static_cast<double>(positions[row]) * rates.scaled[i];
    }
  }
}

}  // namespace ropeway
