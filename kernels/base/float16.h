// IEEE binary16 as a plain value type that needs no tensor library: 1 sign, 5 exponent (bias 15) and 10
// fraction bits; largest finite value 65504, smallest normal 2^-14, smallest subnormal 2^-24. Arithmetic is
// done in float; storing rounds to nearest, ties to even; what rounds beyond 65504 becomes infinite.
#pragma once

#include <cstdint>
#include <cstring>

namespace ropeway {

struct float16 {
  uint16_t bits = 0;

  float16() = default;
  explicit float16(float value) {
    uint32_t u;
    std::memcpy(&u, &value, sizeof u);
    const uint32_t sign = (u >> 16) & 0x8000u;
    u &= 0x7fffffffu;
    uint32_t half;
    if (u > 0x7f800000u) {
      half = 0x7e00u | ((u >> 13) & 0x3ffu);  // keep a NaN a NaN
    } else if (u >= 0x477ff000u) {
      half = 0x7c00u;  // 65520 and above round to infinity
    } else if (u >= 0x38800000u) {
      half = (u - 0x38000000u + 0xfffu + ((u >> 13) & 1u)) >> 13;  // normal: another bias, 13 bits less
    } else {
      // Subnormal: adding 0.5 moves the value's last bit that is kept, 2^-24, to the last bit of a float of
      // that exponent; the addition rounds.
      float magnitude;
      std::memcpy(&magnitude, &u, sizeof magnitude);
      magnitude += 0.5f;
      std::memcpy(&half, &magnitude, sizeof half);
      half -= 0x3f000000u;
    }
    bits = static_cast<uint16_t>(sign | half);
  }
  operator float() const {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    const uint32_t rest = bits & 0x7fffu;
    uint32_t u;
    if (rest >= 0x7c00u) {
      u = 0x7f800000u | ((rest & 0x3ffu) << 13);  // infinity, NaN
    } else if (rest >= 0x400u) {
      u = (rest << 13) + 0x38000000u;
    } else {
      const float value = static_cast<float>(rest) * 0x1p-24f;  // exact
      std::memcpy(&u, &value, sizeof u);
    }
    u |= sign;
    float value;
    std::memcpy(&value, &u, sizeof value);
    return value;
  }
};

}  // namespace ropeway
