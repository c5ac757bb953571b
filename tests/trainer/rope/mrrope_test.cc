#include "trainer/rope/mrrope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropeway {
namespace {

const RopeGeometry kLlama3{64, 5e5, 8192};  // YaRN's ramp runs from pair 18 to pair 35

// Radix by radix, as the paper has them (Eqs. 13-16): the radix of pair d, d_l <= d < d_h, grows by s^e_d,
// and lambda_i is the product of what lies below.
std::vector<double> by_radix(double scale, bool progressive) {
  const int low = 18, high = 35;
  std::vector<double> factors;
  double product = 1;
  for (int d = 0; d < 64; ++d) {
    factors.push_back(product);
    if (d < low || d >= high) continue;
    const double n = high - low;
    product *= std::pow(scale, progressive ? 2 * (1 + d - low) / ((1 + n) * n) : 1 / n);
  }
  return factors;
}

TEST(MrRope, IsTheProductOfTheRadicesBelow) {
  for (const bool progressive : {false, true}) {
    const auto kind = progressive ? MrRopeKind::kProgressive : MrRopeKind::kUniform;
    const std::vector<double> factors = mrrope_factors(kLlama3, 16, kind),
                              expected = by_radix(16, progressive);
    for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(factors[i], expected[i], 1e-12 * expected[i]) << i;
    EXPECT_EQ(factors[18], 1);
    EXPECT_EQ(factors[35], 16);
  }
}

// The authors' code (mattian7/mrRoPE, LlamaYaRNRadix.py): s^((i - low)/(high - low)) between the ends.
TEST(MrRope, UniformIsLogLinearBetweenTheEnds) {
  const auto factors = mrrope_factors(kLlama3, 16, MrRopeKind::kUniform);
  EXPECT_NEAR(factors[20], std::pow(16.0, 2.0 / 17), 1e-13);
  EXPECT_NEAR(factors[34], std::pow(16.0, 16.0 / 17), 1e-13);
}

// YaRN stretches pairs of the ramp by more, the uniform kind by less, and the progressive one by least.
TEST(MrRope, ProgressiveKeepsFastPairsLongest) {
  const auto uniform = mrrope_factors(kLlama3, 16, MrRopeKind::kUniform),
             progressive = mrrope_factors(kLlama3, 16, MrRopeKind::kProgressive);
  for (size_t i = 19; i < 35; ++i) EXPECT_LT(progressive[i], uniform[i]) << i;
  EXPECT_TRUE(is_monotone(progressive));
}

// Tuned under 4 everywhere at four times the window: pairs turn as often in it as they did.
TEST(MrRope, OfATunedModelCountsTurnsWithItsPeriods) {
  const YarnOptions tuned{.trained_factors = pi_factors(64, 4), .trained_length = 4 * 8192};
  const auto stretch = mrrope_factors(kLlama3, 16, MrRopeKind::kProgressive, tuned);
  const auto plain = mrrope_factors(kLlama3, 16, MrRopeKind::kProgressive);
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(stretch[i], plain[i], 1e-12) << i;
}

// A window in which every pair turns more than 32 times has nothing to interpolate.
TEST(MrRope, AndYarnLeaveAModelAloneWhosePairsAllTurnOften) {
  const RopeGeometry fast{4, 10, 1 << 20};
  EXPECT_EQ(mrrope_factors(fast, 2, MrRopeKind::kUniform), identity_factors(4));
  EXPECT_EQ(yarn_factors(fast, 2), identity_factors(4));
}

}  // namespace
}  // namespace ropeway
