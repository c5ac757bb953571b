#include "trainer/finetune/stragglers.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

// The step at which rank `slow` is told of first; 0: never within `steps`.
size_t told_at(Stragglers& watch, const std::vector<double>& seconds, size_t steps) {
  for (size_t step = 1; step <= steps; ++step) {
    watch.add(seconds);
    if (watch.is_news()) return step;
  }
  return 0;
}

TEST(Stragglers, ARankAtHalfTheSpeedIsNamedWithinTwentySteps) {
  Stragglers watch;
  const size_t step = told_at(watch, {1, 1, 2, 1}, 20);
  EXPECT_GT(step, 0u);
  EXPECT_LE(step, 20u);
  EXPECT_EQ(watch.slowest()->rank, 2);
  EXPECT_DOUBLE_EQ(watch.slowest()->speed, 0.5);
  EXPECT_EQ(told_at(watch, {1, 1, 2, 1}, 90), 0u) << "once";
  EXPECT_GT(told_at(watch, {1, 1, 2, 1}, 20), 0u) << "and again after a while";
}

TEST(Stragglers, OfTwoRanksTheSlowOneIsComparedWithTheOther) {
  Stragglers watch;
  EXPECT_GT(told_at(watch, {1.5, 1}, 20), 0u);
  EXPECT_EQ(watch.slowest()->rank, 0);
}

TEST(Stragglers, DifferencesWithinTheLimitAndHiccupsAreNoNews) {
  Stragglers watch;
  EXPECT_EQ(told_at(watch, {1, 1.4, 1}, 50), 0u);
  for (int step = 0; step < 50; ++step) {
    watch.add(step % 3 == 0 ? std::vector<double>{1, 9, 1} : std::vector<double>{1, 1, 1});
    EXPECT_FALSE(watch.is_news()) << step;
  }
}

TEST(Stragglers, OneRankHasNobodyToBeComparedWith) {
  Stragglers watch;
  EXPECT_EQ(told_at(watch, {1}, 20), 0u);
  EXPECT_FALSE(watch.slowest());
}

TEST(Stragglers, AnotherSlowRankIsNewsAtOnce) {
  Stragglers watch;
  ASSERT_GT(told_at(watch, {2, 1, 1}, 20), 0u);
  EXPECT_GT(told_at(watch, {1, 1, 2}, 20), 0u);
  EXPECT_EQ(watch.slowest()->rank, 2);
}

}  // namespace
}  // namespace ropeway
