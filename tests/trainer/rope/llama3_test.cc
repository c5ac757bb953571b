#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "kernels/base/error.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/schedules.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

// Llama 3.1 8B: 64 pairs, theta 5e5, pretrained at 8192, factor 8.
const RopeGeometry kLlama31{64, 5e5, 131072};

TEST(Llama3Factors, FastPairsStaySlowOnesAreDivided) {
  const auto factors = llama3_factors(kLlama31, {});
  const auto turns_of = periods(kLlama31);
  for (int i = 0; i < 64; ++i) {
    const double turns = 8192 / turns_of[i];
    if (turns >= 4) {
      EXPECT_EQ(factors[i], 1) << i;
    } else if (turns <= 1) {
      EXPECT_DOUBLE_EQ(factors[i], 8) << i;
    } else {
      EXPECT_GT(factors[i], 1) << i;
      EXPECT_LT(factors[i], 8) << i;
    }
  }
  EXPECT_TRUE(is_monotone(factors));
}

// By hand: theta 1e4, 4 pairs, omega = 1, 0.1, 0.01, 0.001. In 1000 tokens pair 2 turns 1000 * 0.01 / 2 pi
// = 1.5915 times: m = 0.5915 / 3 = 0.19718, lambda = 1 / (m + (1 - m) / 8).
TEST(Llama3Factors, MixRatesByTurns) {
  const auto factors = llama3_factors({4, 1e4, 4000}, {.pretrained_length = 1000});
  EXPECT_EQ(factors[0], 1);
  EXPECT_EQ(factors[1], 1);
  const double m = (10 / (2 * std::numbers::pi) - 1) / 3;
  EXPECT_DOUBLE_EQ(factors[2], 1 / (m + (1 - m) / 8));
  EXPECT_DOUBLE_EQ(factors[3], 8);
}

// Tuned under 4 everywhere at four times the window: pairs turn as often in it as they did.
TEST(Llama3Factors, OfATunedModelCountTurnsWithItsPeriods) {
  const RopeGeometry g{32, 1e4, 256};
  const auto stretch =
      llama3_factors(g, {.factor = 16, .pretrained_length = 1024, .trained_factors = pi_factors(32, 4)});
  const auto plain = llama3_factors(g, {.factor = 16, .pretrained_length = 256});
  for (int i = 0; i < 32; ++i) EXPECT_NEAR(stretch[i], plain[i], 1e-12) << i;
}

// none is the RoPE the base was trained under; the others stretch it.
TEST(Llama3Factors, ComputedSetsStandOnTheBase) {
  const auto base = llama3_factors(kLlama31, {});
  EXPECT_EQ(computed_factor_set("none", kLlama31, 1 << 20, base).factors, base);
  const auto pi = computed_factor_set("pi", kLlama31, 1 << 20, base).factors;
  for (int i = 0; i < 64; ++i) EXPECT_DOUBLE_EQ(pi[i], 8 * base[i]) << i;
  // YaRN counts turns with the base's periods.
  const auto yarn = computed_factor_set("yarn", kLlama31, 1 << 20, base).factors;
  const auto stretch = yarn_factors(kLlama31, 8, {.trained_factors = base});
  for (int i = 0; i < 64; ++i) EXPECT_DOUBLE_EQ(yarn[i], stretch[i] * base[i]) << i;
}

TEST(Llama3Factors, BaseFactorsAreThoseOfTheSetOfThatName) {
  FactorSet llama3, other;
  llama3.name = "llama3";
  llama3.factors = {1, 8};
  other.name = "long";
  other.factors = {2, 3};
  EXPECT_EQ(base_factors({other, llama3}), llama3.factors);
  EXPECT_TRUE(base_factors({other}).empty());
}

}  // namespace
}  // namespace ropeway
