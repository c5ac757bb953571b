// cos/sin tables for the positions a rank holds, made in double precision and rounded once: at 2M tokens an
// angle computed in fp32 is off by up to 0.06 rad.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/rope/factor_set.h"

namespace ropeway {

// The angle rates of one layer: radians a token with and without factors.
struct RopeRates {
  std::vector<double> scaled;  // omega_i / lambda_i
  std::vector<double> plain;   // omega_i, used below start_tokens
  double attention_temperature = 1;
  int64_t start_tokens = 0;
};
RopeRates make_rope_rates(const FactorSet& set, int64_t pairs, int64_t layer);

// cos_table, sin_table [positions.size(), pairs], row by row; Real is float or double.
template <typename Real>
void fill_rope_table(const RopeRates& rates, std::span<const int64_t> positions, Real* cos_table,
                     Real* sin_table);
// angles [positions.size(), pairs]: phi_i(n), 0 below start_tokens (where factors do not act).
void fill_rope_angles(const RopeRates& rates, std::span<const int64_t> positions, double* angles);

}  // namespace ropeway
