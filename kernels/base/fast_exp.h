// exp of a non-positive number and the logistic function in a form that compilers turn into vector code: no
// call, no table, one clamp. (A second comparison with the same argument would become a branch and stop the
// vectoriser.)
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/base/host_device.h"

namespace ropeway {

// exp(x) for x <= 0 in float, within 1 unit in the last place down to x = -87; below, the value there
// (1.6e-38), which counts as nothing in any sum this is used for. NaN gives NaN. Undefined for x > 0. exp(x)
// = 2^n * exp(r), n = round(x / ln 2), |r| <= ln(2)/2, exp(r) by its Taylor series to r^7 (remainder 5e-9).
ROPEWAY_HOST_DEVICE float exp_nonpositive(float x) {
  constexpr float kLowest = -87.0f;
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // 11 bits: n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound =
      12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low mantissa bits
  const float inside = x < kLowest ? kLowest : x;
  const float shifted = inside * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (inside - n * kLn2High) - n * kLn2Low;
  float series = 1.0f / 5040;
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  series = series * r + 1.0f;
  series = series * r + 1.0f;
  uint32_t power_bits;
  std::memcpy(&power_bits, &shifted, sizeof power_bits);
  power_bits = (power_bits + 127u) << 23;
  float power;
  std::memcpy(&power, &power_bits, sizeof power);
  return series * power;
}

ROPEWAY_HOST_DEVICE double exp_nonpositive(double x) { return std::exp(x); }

// 1 / (1 + exp(-x)).
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc sigmoid(Acc x) {
  const Acc small = exp_nonpositive(-std::abs(x));
  const Acc numerator = x < 0 ? small : Acc(1);
  return numerator / (Acc(1) + small);
}

}  // namespace ropeway
