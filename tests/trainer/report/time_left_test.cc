#include "trainer/report/time_left.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(TimeLeft, NothingIsKnownBeforeAStageIsOver) {
  EXPECT_LT(TimeLeft({{"a", {{"train", 100}}}, {"b", {{"train", 100}}}}).after("a"), 0);
  EXPECT_LT(TimeLeft().after("a"), 0);
}

TEST(TimeLeft, TheSameWorkTakesAsLong) {
  TimeLeft left({{"a", {{"train", 100}}}, {"b", {{"train", 300}}}, {"c", {{"train", 50}}}});
  left.took("a", 10);
  EXPECT_DOUBLE_EQ(left.after("a"), 35);
  EXPECT_DOUBLE_EQ(left.after("b"), 5);
  EXPECT_DOUBLE_EQ(left.after("c"), 0);
}

TEST(TimeLeft, EachKindOfPassHasItsOwnSpeed) {
  TimeLeft left(
      {{"a", {{"train", 100}}}, {"b", {{"forward", 100}}}, {"c", {{"train", 10}, {"forward", 10}}}});
  left.took("a", 10);
  left.took("b", 40);
  EXPECT_DOUBLE_EQ(left.after("b"), 1 + 4);
}

TEST(TimeLeft, ShareOfAStageTeaches) {
  TimeLeft left({{"a", {{"train", 100}}}, {"b", {{"train", 100}}}});
  left.took("a", 5, 0.25);
  EXPECT_DOUBLE_EQ(left.after("a"), 20);
}

// A stage of two kinds, one of them known: both are corrected by the same factor.
TEST(TimeLeft, SecondsAreSharedOutByWhatIsKnown) {
  TimeLeft left({{"a", {{"short", 100}}}, {"b", {{"short", 100}, {"long", 100}}}, {"c", {{"long", 100}}}});
  left.took("a", 10);
  left.took("b", 40);
  EXPECT_DOUBLE_EQ(left.after("b"), 20);
}

}  // namespace
}  // namespace ropeway
