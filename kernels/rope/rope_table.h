// cos/sin tables for the positions a rank holds, made in double precision and rounded once: at 2M tokens an
// angle computed in fp32 is off by up to 0.06 rad. With phi_i(n) = n * rate_i, the tables hold
// temperature * cos(phi) and temperature * sin(phi) (Ding et al., "LongRoPE", 2024: factors, start tokens;
// Peng et al., "YaRN", 2023: the temperature).
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/host_device.h"

namespace ropeway {

struct RopeTableInput {
  const double *scaled = nullptr, *plain = nullptr;  // [pairs] radians per token, with factors and without
  const int64_t* positions = nullptr;                // [tokens]
  int64_t tokens = 0, pairs = 0;
  double temperature = 1;    // of attention
  int64_t start_tokens = 0;  // positions below it: plain rates, temperature 1

  ROPEWAY_HOST_DEVICE bool starts(int64_t token) const { return positions[token] < start_tokens; }
  ROPEWAY_HOST_DEVICE double angle(int64_t token, int64_t pair) const {
    return static_cast<double>(positions[token]) * (starts(token) ? plain : scaled)[pair];
  }
  template <typename Real>
  ROPEWAY_HOST_DEVICE void cos_sin(int64_t token, int64_t pair, Real& cos, Real& sin) const {
    const double phi = angle(token, pair), scale = starts(token) ? 1.0 : temperature;
    cos = static_cast<Real>(scale * std::cos(phi));
    sin = static_cast<Real>(scale * std::sin(phi));
  }
  // As the factors' gradient wants it: 0 where they do not act.
  ROPEWAY_HOST_DEVICE double factor_angle(int64_t token, int64_t pair) const {
    return starts(token) ? 0.0 : angle(token, pair);
  }
};

// cos, sin [tokens, pairs]; Real is float or double.
template <typename Real>
void fill_rope_table(const RopeTableInput& input, Real* cos, Real* sin);
// angles [tokens, pairs]: factor_angle(); scaled [tokens]: whether factors act on the token.
void fill_rope_angles(const RopeTableInput& input, double* angles, bool* scaled);

}  // namespace ropeway
