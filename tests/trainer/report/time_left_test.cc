#include "trainer/report/time_left.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

StageWork training(const std::string& stage, double flops) {
  return {.stage = stage, .work = {{"train", 64, flops}}};
}

TEST(TimeLeft, NothingIsKnownBeforeAStageIsTimed) {
  const TimeLeft left({training("a", 100), training("b", 100)});
  EXPECT_LT(left.after("a"), 0);
  EXPECT_LT(left.of("a"), 0);
  EXPECT_LT(TimeLeft().after("a"), 0);
}

TEST(TimeLeft, TheSameWorkTakesAsLong) {
  TimeLeft left({training("a", 100), training("b", 300), training("c", 50)});
  left.took("a", 10);
  EXPECT_DOUBLE_EQ(left.of("b"), 30);
  EXPECT_DOUBLE_EQ(left.after("a"), 35);
  EXPECT_DOUBLE_EQ(left.after("b"), 5);
  EXPECT_DOUBLE_EQ(left.after("c"), 0);
}

TEST(TimeLeft, EachKindOfPassHasItsOwnSpeed) {
  TimeLeft left({training("a", 100),
                 {.stage = "b", .work = {{"forward", 64, 100}}},
                 {.stage = "c", .work = {{"train", 64, 10}, {"forward", 64, 10}}}});
  left.took("a", 10);
  left.took("b", 40);
  EXPECT_DOUBLE_EQ(left.after("b"), 1 + 4);
}

TEST(TimeLeft, ANewLengthGoesAsFastAsTheNearestOneOfItsPass) {
  TimeLeft left({{.stage = "a", .work = {{"forward", 256, 10}}},
                 {.stage = "b", .work = {{"forward", 2048, 10}}},
                 {.stage = "c", .work = {{"train", 8192, 10}}},
                 {.stage = "d", .work = {{"forward", 16384, 100}}}});
  left.took("a", 1);
  left.took("b", 2);
  left.took("c", 9);
  EXPECT_DOUBLE_EQ(left.of("d"), 20);
}

TEST(TimeLeft, AShareOfAStageTeaches) {
  TimeLeft left({training("a", 100), training("b", 100)});
  left.took("a", 5, 0.25);
  EXPECT_DOUBLE_EQ(left.after("a"), 20);
}

// A stage of two kinds, one of them known: both are corrected by the same factor.
TEST(TimeLeft, SecondsAreSharedOutByWhatIsKnown) {
  TimeLeft left({{.stage = "a", .work = {{"forward", 64, 100}}},
                 {.stage = "b", .work = {{"forward", 64, 100}, {"train", 64, 100}}},
                 {.stage = "c", .work = {{"train", 64, 100}}}});
  left.took("a", 10);
  left.took("b", 40);
  EXPECT_DOUBLE_EQ(left.after("b"), 20);
}

TEST(TimeLeft, CellsThatAreDoneAreLeftNoMore) {
  TimeLeft left({{.stage = "a", .work = {{"forward", 64, 40, 4}, {"forward", 128, 80, 2}}}});
  left.piece_took("a", 64, 3);
  EXPECT_DOUBLE_EQ(left.of("a"), 3 * 3 + 24);
  left.piece_took("a", 128, 20);
  left.piece_took("a", 64, 0);  // was kept from before
  EXPECT_DOUBLE_EQ(left.of("a"), 2 * 3 + 20);
}

TEST(TimeLeft, SearchesEndAsEarlyAsThoseBefore) {
  const auto search = [](const std::string& name) {
    return StageWork{.stage = name, .work = {{"forward", 64, 100}}, .most = 50};
  };
  TimeLeft left({search("a"), search("b"), search("c")});
  left.took("a", 10);
  EXPECT_LT(left.of("b"), 10);
  left.ended_after("a", 30);
  EXPECT_DOUBLE_EQ(left.of("b"), 6);
  left.ended_after("b", 50);
  EXPECT_DOUBLE_EQ(left.of("c"), 8);
}

}  // namespace
}  // namespace ropeway
