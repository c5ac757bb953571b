// exp and the logistic function in a form that compilers turn into vector code: no call, no table, one clamp.
// (A second comparison with the same argument would become a branch and stop the vectoriser.)
//
//   exp(x) = 2^n * exp(r),  n = round(x / ln 2),  |r| <= ln(2)/2,  exp(r) by its Taylor series.
//
// GPUs have 2^x and 1/x in float as instructions, two units in the last place off; SwiGLU and the loss would
// otherwise wait for arithmetic, not for memory.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/base/host_device.h"

namespace ropeway {

// exp(x) for x <= 80, meant for x <= 0 (softmax relative to the maximum): within one unit in the last place
// down to x = -87, exactly 0 from -88 on. NaN gives NaN.
ROPEWAY_HOST_DEVICE float bounded_exp(float x) {
  constexpr float kLowest = -88.0f;  // n = -127: the bit pattern of 2^n is that of 0
  constexpr float kLog2E = 1.44269504f;
#if defined(__CUDA_ARCH__)
  constexpr float kLog2ERest = 1.92596299e-8f, kLn2 = 0.693147181f;
  const float bounded = x < kLowest ? kLowest : x;
  const float product = bounded * kLog2E;
  const float rounded_off = fmaf(bounded, kLog2ERest, fmaf(bounded, kLog2E, -product));
  float value;  // results below the normal numbers are 0
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(value) : "f"(product));
  return fmaf(value, rounded_off * kLn2, value);
#else
  constexpr float kLn2High = 0.693359375f;  // 9 bits: n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound =
      12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low mantissa bits
  const float inside = x < kLowest ? kLowest : x;
  const float shifted = inside * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (inside - n * kLn2High) - n * kLn2Low;
  float series = 1.0f / 5040;  // the next term is below 6e-9
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
#endif
}

// The same in double: x <= 700; within two units in the last place down to -708, exactly 0 from -709 on.
ROPEWAY_HOST_DEVICE double bounded_exp(double x) {
  constexpr double kLowest = -709.0;  // n = -1023
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2High = 0x1.62e42fefa38p-1;  // 42 bits: n * kLn2High is exact
  constexpr double kLn2Low = 0x1.ef35793c7673p-45;
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52
  const double inside = x < kLowest ? kLowest : x;
  const double shifted = inside * kLog2E + kRound;
  const double n = shifted - kRound;
  const double r = (inside - n * kLn2High) - n * kLn2Low;
  double series = 1.0 / 6227020800;  // 1/13!; the next term is below 5e-18
  series = series * r + 1.0 / 479001600;
  series = series * r + 1.0 / 39916800;
  series = series * r + 1.0 / 3628800;
  series = series * r + 1.0 / 362880;
  series = series * r + 1.0 / 40320;
  series = series * r + 1.0 / 5040;
  series = series * r + 1.0 / 720;
  series = series * r + 1.0 / 120;
  series = series * r + 1.0 / 24;
  series = series * r + 1.0 / 6;
  series = series * r + 0.5;
  series = series * r + 1.0;
  series = series * r + 1.0;
  uint64_t power_bits;
  std::memcpy(&power_bits, &shifted, sizeof power_bits);
  power_bits = (power_bits + 1023u) << 52;
  double power;
  std::memcpy(&power, &power_bits, sizeof power);
  return series * power;
}

// 1 / (1 + exp(-x)).
template <typename Acc>
ROPEWAY_HOST_DEVICE Acc sigmoid(Acc x) {
  const Acc small = bounded_exp(-std::abs(x));
  const Acc numerator = x < 0 ? small : Acc(1);
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<Acc, float>) return __fdividef(numerator, 1.0f + small);
#endif
  return numerator / (Acc(1) + small);
}

}  // namespace ropeway
