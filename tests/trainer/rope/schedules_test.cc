#include "trainer/rope/schedules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/computed_names.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/mrrope.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

// Values of the published formula sqrt(1 + ln s / ln L0).
TEST(AttentionTemperature, SuPolicyHasThePublishedValues) {
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kSu, 8, 4096), 1.118034, 5e-7);
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kSu, 32, 4096), 1.190238, 5e-7);
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kSu, 64, 4096), 1.224745, 5e-7);
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kSu, 512, 4096), 1.322876, 5e-7);
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kSu, 16, 8192), 1.143544, 5e-7);
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kSu, 64, 2048), 1.243163, 5e-7);
}

TEST(AttentionTemperature, IsOneWithoutStretch) {
  EXPECT_EQ(attention_temperature(TemperatureFormula::kSu, 1, 4096), 1.0);
  EXPECT_EQ(attention_temperature(TemperatureFormula::kSu, 0.5, 4096), 1.0);
  EXPECT_EQ(attention_temperature(TemperatureFormula::kYarn, 1, 4096), 1.0);
}

TEST(AttentionTemperature, YarnPolicyAddsATenthOfTheLogarithm) {
  EXPECT_NEAR(attention_temperature(TemperatureFormula::kYarn, 16, 4096), 1.2772588722239782, 1e-15);
}

// Factors published with Phi-4-mini (critical dim 31, 32.03) and with LongRoPE2's LLaMA3-8B (33, 21.81).
TEST(NtkLeft, ReproducesPublishedFactors) {
  std::vector<double> phi4(48, 32.03);
  const auto phi4_left = ntk_left(phi4, 31);
  EXPECT_NEAR(phi4_left[1], 1.118320672, 5e-10);
  EXPECT_NEAR(phi4_left[30], 28.64115884, 5e-9);
  EXPECT_EQ(phi4_left[0], 1.0);
  EXPECT_EQ(phi4_left[31], 32.03);
  const auto llama3_left = ntk_left(std::vector<double>(64, 21.81), 33);
  EXPECT_NEAR(llama3_left[1], 1.097906416, 5e-10);
  EXPECT_NEAR(llama3_left[32], 19.8650811, 5e-8);
}

TEST(NtkLeft, LeavesTheRightPartAlone) {
  std::vector<double> factors(8, 2.0);
  factors[5] = 3.5;
  factors[7] = 9;
  const auto left = ntk_left(factors, 4);
  EXPECT_EQ(std::vector<double>(left.begin() + 4, left.end()), (std::vector<double>{2, 3.5, 2, 9}));
}

TEST(PlainFrequencies, AreThePowersOfTheBase) {
  const auto frequencies = plain_frequencies({4, 10000.0, 256});
  EXPECT_EQ(frequencies[0], 1.0);
  for (int i = 1; i < 4; ++i) EXPECT_NEAR(frequencies[i], std::pow(10.0, -i), 1e-16);
}

TEST(Periods, AreTokensATurn) {
  const RopeGeometry g{32, 500000.0, 8192};
  const auto plain = periods(g);
  const auto stretched = periods(g, std::vector<double>(32, 3.0));
  EXPECT_NEAR(plain[0], 2 * std::numbers::pi, 1e-15);
  for (int i = 0; i < 32; ++i) EXPECT_NEAR(stretched[i] / plain[i], 3.0, 1e-14);
  EXPECT_NEAR(plain[16], 2 * std::numbers::pi * std::sqrt(500000.0), 1e-9);
}

TEST(PiFactors, AreTheScaleEverywhere) { EXPECT_THAT(pi_factors(5, 7.5), testing::Each(7.5)); }

// NTK-aware scaling changes the base to theta s^(d/(d-2)): the fastest pair stays, the slowest is
// interpolated by s.
TEST(NtkFactors, AreAChangeOfBase) {
  const int64_t pairs = 64;
  const double s = 8, theta = 10000, d = 2.0 * pairs;
  const double new_base = theta * std::pow(s, d / (d - 2));
  const auto factors = ntk_factors(pairs, s);
  for (int64_t i = 0; i < pairs; ++i) {
    const double expected = std::pow(new_base, 2.0 * i / d) / std::pow(theta, 2.0 * i / d);
    EXPECT_NEAR(factors[i] / expected, 1, 1e-13) << i;
  }
  EXPECT_EQ(factors.front(), 1.0);
  EXPECT_NEAR(factors.back(), s, 1e-13);
}

TEST(NtkFactors, OfOnePairIsOne) { EXPECT_EQ(ntk_factors(1, 8), std::vector<double>{1.0}); }

// theta' = theta^(log_{L0/2pi}(L'/2pi)) makes the critical pair, whose period was L0, turn once in L'.
TEST(NtkCriticalFactors, BringTheCriticalPairToTheTarget) {
  const double theta = 10000, window = 4096, target = 32768, two_pi = 2 * std::numbers::pi;
  const double new_base = std::pow(theta, std::log(target / two_pi) / std::log(window / two_pi));
  const auto factors = ntk_critical_factors({64, theta, 4096}, target / window);
  for (int i = 0; i < 64; ++i) {
    EXPECT_NEAR(factors[i] / std::pow(new_base / theta, i / 64.0), 1, 1e-12) << i;
  }
  const double critical = 64 * std::log(window / two_pi) / std::log(theta);
  EXPECT_NEAR(two_pi * std::pow(new_base, critical / 64), target, 1e-7);
}

TEST(JumpFactors, RiseInTheLogarithmAndStep) {
  const auto factors = jump_factors(8, 16, 2, 6, 4);
  EXPECT_EQ(factors[0], 1.0);
  EXPECT_EQ(factors[1], 1.0);
  EXPECT_EQ(factors[2], 1.0);
  EXPECT_NEAR(factors[3], std::cbrt(4.0), 1e-14);
  EXPECT_NEAR(factors[4], std::cbrt(16.0), 1e-14);
  EXPECT_NEAR(factors[5], 4, 1e-14);
  EXPECT_EQ(factors[6], 16.0);
  EXPECT_EQ(factors[7], 16.0);
}

TEST(JumpFactors, WithoutARampAreOneStep) {
  EXPECT_EQ(jump_factors(4, 16, 2, 2, 4), (std::vector<double>{1, 1, 16, 16}));
  EXPECT_EQ(jump_factors(4, 16, 1, 2, 4), (std::vector<double>{1, 4, 16, 16}));
}

TEST(ComputedFactorSet, IsTheNamedSchedule) {
  const RopeGeometry g{16, 10000, 256};
  EXPECT_EQ(computed_factor_set("none", g, 2048).factors, identity_factors(16));
  EXPECT_EQ(computed_factor_set("pi", g, 2048).factors, pi_factors(16, 8));
  EXPECT_EQ(computed_factor_set("ntk", g, 2048).factors, ntk_factors(16, 8));
  EXPECT_EQ(computed_factor_set("yarn", g, 2048).factors, yarn_factors(g, 8));
  // transformers' "dynamic" type of factor 8 at 8 times the window: a base times (8 * 8 - 7)^(d/(d-2)).
  EXPECT_EQ(computed_factor_set("dynamic_ntk", g, 2048).factors, ntk_factors(16, 57));
  EXPECT_EQ(computed_factor_set("llama3_ramp", g, 2048).factors,
            llama3_factors(g, {.factor = 8, .pretrained_length = 256}));
  EXPECT_EQ(computed_factor_set("mrrope_uni", g, 2048).factors, mrrope_factors(g, 8, MrRopeKind::kUniform));
  EXPECT_EQ(computed_factor_set("mrrope_pro", g, 2048).factors,
            mrrope_factors(g, 8, MrRopeKind::kProgressive));
  EXPECT_EQ(computed_factor_set("cope", g, 2048).factors, cope_factors(16, 5));
  EXPECT_EQ(computed_factor_set("hard_clip", g, 2048).factors, hard_clip_factors(16, 5));
  EXPECT_EQ(computed_factor_set("drope", g, 2048).factors, hard_clip_factors(16, 16));
}

TEST(ComputedFactorSet, HasTheTemperatureItsUsersExpect) {
  const RopeGeometry g{16, 10000, 4096};
  for (const std::string& name : computed_names()) {
    if (name == "yarn" || name.starts_with("mrrope")) continue;
    EXPECT_EQ(computed_factor_set(name, g, 32768).attention_temperature, 1.0) << name;
  }
  EXPECT_NEAR(computed_factor_set("yarn", g, 32768).attention_temperature, 1.118034, 5e-7);
  EXPECT_NEAR(computed_factor_set("mrrope_pro", g, 32768).attention_temperature, 0.1 * std::log(8) + 1,
              1e-15);
}

TEST(ComputedFactorSet, NeverShrinksTheWindow) {
  const RopeGeometry g{16, 10000, 4096};
  const FactorSet set = computed_factor_set("yarn", g, 100);
  EXPECT_EQ(set.scale(), 1.0);
  EXPECT_EQ(set.factors, identity_factors(16));
  EXPECT_EQ(set.attention_temperature, 1.0);
  for (const std::string& name : computed_names()) {
    if (name == "drope") continue;
    EXPECT_EQ(computed_factor_set(name, g, 4096).factors, identity_factors(16)) << name;
  }
}

TEST(ComputedFactorSet, RefusesOtherNames) {
  EXPECT_FALSE(is_computed_name("longrope"));
  try {
    computed_factor_set("longrope", {16, 10000, 256}, 512);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.what(), testing::HasSubstr("longrope"));
  }
}

// Isotonic regression has the closed form g_i = max over j <= i of min over k >= i of mean(j..k).
TEST(GrownFactors, KeepOnesAndFollowTheScale) {
  // At scale 8 to 64: ones stay, 8 becomes 64, and 4.5, half way between 1 and 8, half way between 1 and 64.
  EXPECT_EQ(grown_factors({1, 4.5, 8}, 8, 64), (std::vector<double>{1, 32.5, 64}));
  EXPECT_EQ(grown_factors({1, 4.5, 8}, 8, 8), (std::vector<double>{1, 4.5, 8}));
}

// The projection in closed form: max over j <= i of min over k >= i of the weighted mean of j..k.
void expect_projection(const std::vector<double>& factors, const std::vector<double>& weights,
                       const std::vector<double>& projected) {
  for (size_t i = 0; i < factors.size(); ++i) {
    double best = -INFINITY;
    for (size_t j = 0; j <= i; ++j) {
      double least = INFINITY;
      for (size_t k = i; k < factors.size(); ++k) {
        double sum = 0, weight = 0;
        for (size_t m = j; m <= k; ++m) {
          sum += weights[m] * std::log(factors[m]);
          weight += weights[m];
        }
        least = std::min(least, sum / weight);
      }
      best = std::max(best, least);
    }
    EXPECT_NEAR(std::log(projected[i]), best, 1e-12);
  }
  EXPECT_TRUE(is_monotone(projected));
}

TEST(MakeMonotone, IsTheLeastSquaresProjection) {
  for (uint64_t trial = 0; trial < 200; ++trial) {
    Philox random(trial, Stream::kMutation);
    std::vector<double> factors(12), weights(12);
    for (double& factor : factors) factor = std::exp(2 * random.normal());
    for (double& weight : weights) weight = std::exp(3 * random.normal());
    expect_projection(factors, std::vector<double>(12, 1.0), make_monotone(factors, 1e-9, 1e9));
    expect_projection(factors, weights, make_monotone(factors, 1e-9, 1e9, weights));
  }
}

TEST(MakeMonotone, LeavesAMonotoneListAlone) {
  const std::vector<double> factors = {1, 1.1, 1.1, 2.7, 31.9};
  EXPECT_EQ(make_monotone(factors, 1, 64), factors);
}

TEST(MakeMonotone, ClampsToTheBounds) {
  EXPECT_EQ(make_monotone({0.5, 3, 99}, 1, 10), (std::vector<double>{1, 3, 10}));
}

TEST(IsMonotone, AllowsEqualNeighboursOnly) {
  EXPECT_TRUE(is_monotone({1, 1, 2}));
  EXPECT_FALSE(is_monotone({1, 2, 1.999}));
}

}  // namespace
}  // namespace ropeway
