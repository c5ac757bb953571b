// Against published figures: Newcombe 1998 (Statistics in Medicine 17, table I, method 3) for shares, tables
// of Student's t and numpy for means.
#include "trainer/report/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/python.h"

namespace ropeway {
namespace {

void expect_share(int64_t right, int64_t trials, double low, double high) {
  const auto interval = interval_of_share(static_cast<double>(right), trials);
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->low, low, 5e-5) << right << " of " << trials;
  EXPECT_NEAR(interval->high, high, 5e-5) << right << " of " << trials;
}

TEST(Interval, OfASharesAreThePublishedOnes) {
  expect_share(81, 263, 0.2553, 0.3662);
  expect_share(15, 148, 0.0624, 0.1605);
  expect_share(0, 20, 0, 0.1611);
  expect_share(1, 29, 0.0061, 0.1718);
  expect_share(20, 20, 1 - 0.1611, 1);
  EXPECT_FALSE(interval_of_share(0, 0).has_value());
}

TEST(Interval, OfEqualBlocksReachesAsFarAsTheTablesOfStudentsT) {
  // Means of 1 and 3: standard error 1, one degree of freedom.
  const auto two = interval_of_mean(std::vector<LossBlock>{{10, 10}, {30, 10}});
  ASSERT_TRUE(two.has_value());
  EXPECT_NEAR(two->low, 2 - 12.706, 1e-3);
  EXPECT_NEAR(two->high, 2 + 12.706, 1e-3);
  // 0 and 1 five times each: variance 10/36, ten blocks.
  std::vector<LossBlock> ten;
  for (int i = 0; i < 10; ++i) ten.push_back({static_cast<double>(i % 2), 1});
  const auto interval = interval_of_mean(ten);
  EXPECT_NEAR(interval->high - 0.5, 2.262 * std::sqrt(10.0 / 36 / 10), 1e-3);
  EXPECT_NEAR(0.5 - interval->low, interval->high - 0.5, 1e-12);
}

TEST(Interval, OfUnequalBlocksIsThatOfARatio) {
  ROPEWAY_NEEDS_PYTHON();
  const std::vector<LossBlock> blocks = {{31.5, 12}, {14.25, 7}, {60.5, 25}, {9.75, 4}};
  // By the jackknife-free definition with numpy: residuals about the ratio.
  const std::string printed = run_python(R"(
import numpy
y = numpy.array([31.5, 14.25, 60.5, 9.75]); x = numpy.array([12., 7, 25, 4])
r = y.sum() / x.sum()
error = numpy.sqrt(numpy.var(y - r * x, ddof=1) * len(x)) / x.sum()
print(r - 3.18244630528 * error, r + 3.18244630528 * error)
)");
  double low = 0, high = 0;
  std::istringstream(printed) >> low >> high;
  const auto interval = interval_of_mean(blocks);
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->low, low, 1e-9);
  EXPECT_NEAR(interval->high, high, 1e-9);
}

TEST(Interval, OfOneBlockOrOfALossThatIsNoNumberIsNone) {
  EXPECT_FALSE(interval_of_mean(std::vector<LossBlock>{{3, 2}}).has_value());
  EXPECT_FALSE(interval_of_mean(std::vector<LossBlock>{{3, 2}, {std::numeric_limits<double>::infinity(), 2}})
                   .has_value());
}

TEST(Interval, JoinedBlocksKeepTheirSumsAndTheirOrder) {
  std::vector<LossBlock> blocks;
  for (int i = 0; i < 70; ++i) blocks.push_back({static_cast<double>(i), 1});
  const auto joined = joined_blocks(blocks, 32);
  ASSERT_EQ(joined.size(), 32u);
  double loss = 0, weight = 0, last = -1;
  for (const LossBlock& block : joined) {
    EXPECT_GE(block.weight, 2);
    EXPECT_LE(block.weight, 3);
    EXPECT_GT(block.loss / block.weight, last);
    last = block.loss / block.weight;
    loss += block.loss;
    weight += block.weight;
  }
  EXPECT_EQ(loss, 69 * 70 / 2);
  EXPECT_EQ(weight, 70);
  EXPECT_EQ(joined_blocks(std::vector<LossBlock>{{1, 1}, {2, 1}}).size(), 2u);
}

}  // namespace
}  // namespace ropeway
