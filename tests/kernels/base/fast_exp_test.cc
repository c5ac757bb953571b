#include "kernels/base/fast_exp.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace ropeway {
namespace {

constexpr double kUnitRoundoff = 0x1p-24;

// Every 257th float from 0 down to -87 (no power of two: all mantissa bits vary).
template <typename Check>
void for_floats_down_to_minus_87(const Check& check) {
  for (uint32_t bits = std::bit_cast<uint32_t>(-0.0f); bits <= std::bit_cast<uint32_t>(-87.0f); bits += 257) {
    check(std::bit_cast<float>(bits));
  }
}

TEST(BoundedExp, WithinOneUnitInTheLastPlace) {
  double worst = 0;
  for_floats_down_to_minus_87([&](float x) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(bounded_exp(x) - exact) / exact);
  });
  EXPECT_LE(worst, 2 * kUnitRoundoff);
}

TEST(BoundedExp, DoubleWithinTwoUnitsInTheLastPlace) {
  double worst = 0;
  for (double x = 0; x > -708; x -= 0.00371) {
    const long double exact = std::exp(static_cast<long double>(x));
    worst = std::max(worst, static_cast<double>(std::abs(bounded_exp(x) - exact) / exact));
  }
  EXPECT_LE(worst, 4 * 0x1p-53);
}

TEST(BoundedExp, IsOneAtZero) {
  EXPECT_EQ(bounded_exp(0.0f), 1.0f);
  EXPECT_EQ(bounded_exp(0.0), 1.0);
}

// Masked scores are -inf: their weight must be nothing at all.
TEST(BoundedExp, FarBelowIsExactlyZero) {
  for (float x : {-88.0f, -1e4f, -std::numeric_limits<float>::infinity()})
    EXPECT_EQ(bounded_exp(x), 0.0f) << x;
  for (double x : {-709.0, -1e4, -std::numeric_limits<double>::infinity()})
    EXPECT_EQ(bounded_exp(x), 0.0) << x;
}

TEST(BoundedExp, KeepsNaN) {
  EXPECT_TRUE(std::isnan(bounded_exp(std::nanf(""))));
  EXPECT_TRUE(std::isnan(bounded_exp(std::nan(""))));
}

// Merged log-sum-exps are rounded, so scores may exceed them by a little.
TEST(BoundedExp, SlightlyPositiveArgumentsAreFine) {
  EXPECT_NEAR(bounded_exp(1e-3f), std::exp(1e-3), 2 * kUnitRoundoff);
  EXPECT_NEAR(bounded_exp(1e-3), std::exp(1e-3), 4 * 0x1p-53);
}

// One rounding each in exp (2 half-units), the sum, and the quotient.
TEST(Sigmoid, WithinFourHalfUnits) {
  double worst = 0;
  for_floats_down_to_minus_87([&](float x) {
    for (const float signed_x : {x, -x}) {
      const double exact = 1 / (1 + std::exp(-static_cast<double>(signed_x)));
      worst = std::max(worst, std::abs(sigmoid(signed_x) - exact) / exact);
    }
  });
  EXPECT_LE(worst, 4 * kUnitRoundoff * (1 + 1e-6));
}

TEST(Sigmoid, LimitsAndNaN) {
  EXPECT_EQ(sigmoid(200.0f), 1.0f);
  EXPECT_LE(sigmoid(-200.0f), 2e-38f);
  EXPECT_TRUE(std::isnan(sigmoid(std::nanf(""))));
}

}  // namespace
}  // namespace ropeway
