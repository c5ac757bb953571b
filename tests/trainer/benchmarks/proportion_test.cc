// Wilson intervals against statsmodels' proportion_confint(..., method="wilson"), and in closed form at the
// ends.
#include "trainer/benchmarks/proportion.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(Proportion, AsStatsmodels) {
  const Proportion some = wilson_proportion(8, 10);
  EXPECT_DOUBLE_EQ(some.share, 0.8);
  EXPECT_NEAR(some.low, 0.49016247153664, 1e-12);
  EXPECT_NEAR(some.high, 0.94331784854562, 1e-12);
}

TEST(Proportion, NoneAndAll) {
  constexpr double z2 = 3.8414588206941236;
  const Proportion none = wilson_proportion(0, 20), all = wilson_proportion(20, 20);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, z2 / (20 + z2), 1e-12);
  EXPECT_NEAR(all.low, 20 / (20 + z2), 1e-12);
  EXPECT_EQ(all.high, 1);
}

TEST(Proportion, ManyTrialsMakeItNarrow) {
  const Proportion few = wilson_proportion(50, 100), many = wilson_proportion(5000, 10000);
  EXPECT_NEAR(few.high - few.low, 0.1923, 1e-3);
  EXPECT_NEAR(many.high - many.low, 0.0196, 1e-4);
}

}  // namespace
}  // namespace ropeway
