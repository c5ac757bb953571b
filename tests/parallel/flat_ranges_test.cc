#include "parallel/zero/flat_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using FlatRun = FlatRanges::Run;

FlatRanges ranges_of(const std::vector<FlatRange>& ranges) {
  FlatRanges result;
  for (const FlatRange& range : ranges) result.add(range);
  return result;
}

TEST(FlatRanges, NeighboursBecomeOneRange) {
  const FlatRanges ranges = ranges_of({{0, 3}, {3, 3}, {3, 5}, {7, 9}, {9, 10}});
  EXPECT_THAT(ranges.ranges(), ElementsAre(FlatRange{0, 5}, FlatRange{7, 10}));
  EXPECT_EQ(ranges.count(), 8);
  EXPECT_EQ(FlatRanges().count(), 0);
}

TEST(FlatRanges, ThatOverlapOrRunBackwardsAreADefect) {
  FlatRanges ranges = ranges_of({{2, 5}});
  EXPECT_THROW(ranges.add({4, 6}), Error);
  EXPECT_THROW(ranges.add({0, 1}), Error);
  EXPECT_THROW(ranges.add({8, 7}), Error);
}

TEST(FlatRanges, RunsOfAPart) {
  const FlatRanges ranges = ranges_of({{2, 4}, {6, 9}});
  EXPECT_THAT(ranges.runs_in({0, 12}),
              ElementsAre(FlatRun{{0, 2}, false}, FlatRun{{2, 4}, true}, FlatRun{{4, 6}, false},
                          FlatRun{{6, 9}, true}, FlatRun{{9, 12}, false}));
  EXPECT_THAT(ranges.runs_in({3, 7}),
              ElementsAre(FlatRun{{3, 4}, true}, FlatRun{{4, 6}, false}, FlatRun{{6, 7}, true}));
  EXPECT_THAT(ranges.runs_in({6, 8}), ElementsAre(FlatRun{{6, 8}, true}));
  EXPECT_THAT(ranges.runs_in({4, 5}), ElementsAre(FlatRun{{4, 5}, false}));
  EXPECT_THAT(ranges.runs_in({5, 5}), IsEmpty());
  EXPECT_THAT(FlatRanges().runs_in({1, 3}), ElementsAre(FlatRun{{1, 3}, false}));
}

// Every part of an array of 20, against a mask with a flag per element.
TEST(FlatRanges, RunsAreThoseOfAMask) {
  const FlatRanges ranges = ranges_of({{0, 1}, {3, 4}, {5, 9}, {12, 20}});
  std::vector<bool> mask(20);
  for (const FlatRange& range : ranges.ranges()) {
    for (int64_t i = range.begin; i < range.end; ++i) mask[static_cast<size_t>(i)] = true;
  }
  for (int64_t begin = 0; begin <= 20; ++begin) {
    for (int64_t end = begin; end <= 20; ++end) {
      std::vector<FlatRun> wanted;
      for (int64_t i = begin; i < end; ++i) {
        const bool listed = mask[static_cast<size_t>(i)];
        if (wanted.empty() || wanted.back().listed != listed) wanted.push_back({{i, i}, listed});
        wanted.back().range.end = i + 1;
      }
      EXPECT_EQ(ranges.runs_in({begin, end}), wanted) << begin << " to " << end;
    }
  }
}

}  // namespace
}  // namespace ropeway::testing
