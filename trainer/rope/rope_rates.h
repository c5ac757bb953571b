// How fast the angles of a layer turn under a factor set: what RoPE's tables (kernels/rope/rope_table.h)
// are made from.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/rope/factor_set.h"

namespace ropeway {

// Radians per token, one for each rotary pair.
struct RopeRates {
  std::vector<double> scaled;  // omega_i / lambda_i
  std::vector<double> plain;   // omega_i, used below start_tokens
  double attention_temperature = 1;
  int64_t start_tokens = 0;
};
RopeRates make_rope_rates(const FactorSet& set, int64_t pairs, int64_t layer);

}  // namespace ropeway
