#include "trainer/rope/clipped.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropeway {
namespace {

// 20 of 64 pairs, as the authors clip; values of 2 / (1 + cos(pi j / 19)) computed apart, in Python.
TEST(CopeFactors, RiseToInfinityOverTheClippedPairs) {
  const std::vector<double> factors = cope_factors(64, cope_clipped(64));
  for (size_t i = 0; i <= 44; ++i) EXPECT_EQ(factors[i], 1) << i;
  EXPECT_NEAR(factors[45], 1.0068661711109224, 1e-14);
  EXPECT_NEAR(factors[53], 1.8474396434446976, 1e-14);
  EXPECT_NEAR(factors[62], 146.64157866809688, 1e-10);
  EXPECT_TRUE(std::isinf(factors[63]));
}

TEST(CopeFactors, ClipAsManyAsTheyAreTold) {
  EXPECT_EQ(cope_factors(3, 0), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(cope_factors(3, 1), (std::vector<double>{1, 1, INFINITY}));
  EXPECT_EQ(cope_clipped(32), 10);
  EXPECT_EQ(cope_clipped(48), 15);
}

TEST(HardClipFactors, StopTheLastPairs) {
  EXPECT_EQ(hard_clip_factors(4, 2), (std::vector<double>{1, 1, INFINITY, INFINITY}));
  EXPECT_EQ(hard_clip_factors(2, 2), (std::vector<double>{INFINITY, INFINITY}));
}

TEST(StillFactor, StandsForInfinityWhereThatIsNoNumber) {
  EXPECT_EQ(with_finite_factors({1, 64.5, INFINITY}), (std::vector<double>{1, 64.5, 1e20}));
  EXPECT_EQ(with_infinite_factors({1, 64.5, 1e20}), (std::vector<double>{1, 64.5, INFINITY}));
}

}  // namespace
}  // namespace ropeway
