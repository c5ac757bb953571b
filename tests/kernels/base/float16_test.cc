// All 65536 values of the type, and all roundings near them, against the definition in double precision.
#include "kernels/base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ropeway {
namespace {

// (-1)^s 2^(e-15) (1 + f/1024), 2^-14 f/1024 for e = 0; not for infinities and NaN.
double defined_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

float16 of_bits(uint16_t bits) {
  float16 value;
  value.bits = bits;
  return value;
}

bool is_finite(uint16_t bits) { return (bits & 0x7c00) != 0x7c00; }

TEST(Float16, EveryValueIsWhatTheFormatDefines) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = of_bits(static_cast<uint16_t>(bits));
    if (is_finite(static_cast<uint16_t>(bits))) {
      ASSERT_EQ(static_cast<double>(value), defined_value(static_cast<uint16_t>(bits))) << bits;
    } else {
      ASSERT_EQ(std::isnan(value), (bits & 0x3ff) != 0) << bits;
      ASSERT_EQ(std::isinf(value), (bits & 0x3ff) == 0) << bits;
    }
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
  }
}

TEST(Float16, EveryValueComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float16 back(static_cast<float>(of_bits(static_cast<uint16_t>(bits))));
    if (is_finite(static_cast<uint16_t>(bits)) || (bits & 0x3ff) == 0) {
      ASSERT_EQ(back.bits, bits);
    } else {
      ASSERT_TRUE(std::isnan(static_cast<float>(back))) << bits;
    }
  }
}

// Between two neighbours: below the middle goes down, above it up, the middle to the even one.
TEST(Float16, RoundsToNearestTiesToEven) {
  for (uint32_t bits = 0; bits + 1 < 0x7c00; ++bits) {
    const double low = defined_value(static_cast<uint16_t>(bits)),
                 high = defined_value(static_cast<uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: 12 significant bits
    const auto even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(float16(middle).bits, even) << middle;
    ASSERT_EQ(float16(-middle).bits, even | 0x8000) << middle;
    ASSERT_EQ(float16(std::nextafter(middle, 0.0f)).bits, bits) << middle;
    ASSERT_EQ(float16(std::nextafter(middle, 1e9f)).bits, bits + 1) << middle;
  }
}

TEST(Float16, TheLargestFiniteValueIs65504AndRoundingBeyondItIsInfinite) {
  EXPECT_EQ(static_cast<float>(float16(65504.0f)), 65504.0f);
  EXPECT_EQ(static_cast<float>(float16(65519.99f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(float16(65520.0f))));
  EXPECT_TRUE(std::isinf(static_cast<float>(float16(std::numeric_limits<float>::max()))));
  EXPECT_EQ(float16(-std::numeric_limits<float>::infinity()).bits, 0xfc00);
  EXPECT_EQ(float16(std::numeric_limits<float>::denorm_min()).bits, 0);
}

}  // namespace
}  // namespace ropeway
