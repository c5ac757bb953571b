#include "parallel/layout/placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway::testing {
namespace {

template <typename Check>
void for_all(Check check) {
  for (const auto placement : {Placement::kZigzag, Placement::kContiguous}) {
    for (const int ranks : {1, 2, 3, 4, 5, 7, 8, 16, 33}) {
      SCOPED_TRACE(::testing::Message()
                   << (placement == Placement::kZigzag ? "zigzag, " : "contiguous, ") << ranks);
      check(placement, ranks);
    }
  }
}

void check_partition(Placement placement, int ranks) {
  const int64_t length = 6 * ranks;
  std::vector<int> owners(length, 0);
  for (int r = 0; r < ranks; ++r) {
    const auto positions = local_positions(length, ranks, r, placement);
    EXPECT_EQ(static_cast<int64_t>(positions.size()), length / ranks);
    EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
    for (const int64_t p : positions) ++owners.at(p);
  }
  EXPECT_EQ(owners, std::vector<int>(length, 1));
}

TEST(Placement, IsAPartitionInAscendingOrder) { for_all(check_partition); }

TEST(Placement, LengthThatCannotBeDividedIsRefused) {
  const auto kind_of = [](int64_t length, int ranks, Placement placement) {
    try {
      local_positions(length, ranks, 0, placement);
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kind_of(12, 8, Placement::kContiguous), ErrorKind::kConfig);
  EXPECT_EQ(kind_of(8, 8, Placement::kZigzag), ErrorKind::kConfig);
  EXPECT_EQ(kind_of(0, 1, Placement::kContiguous), ErrorKind::kConfig);
  EXPECT_EQ(local_positions(8, 8, 3, Placement::kContiguous), std::vector<int64_t>{3});
}

TEST(Placement, PaddedLengthsAreTheNextThatCanBeShared) {
  EXPECT_EQ(padded_length(8, 2, Placement::kZigzag, 1), 8);
  EXPECT_EQ(padded_length(9, 2, Placement::kZigzag, 1), 12);
  EXPECT_EQ(padded_length(9, 2, Placement::kContiguous, 1), 10);
  EXPECT_EQ(padded_length(1 << 18, 8, Placement::kZigzag, kGpuChunkMultiple), 1 << 18);
  EXPECT_EQ(padded_length(10000, 8, Placement::kZigzag, kGpuChunkMultiple), 10240);
  EXPECT_EQ(padded_length(1, 1, Placement::kContiguous, kGpuChunkMultiple), 128);
}

TEST(Placement, PositionsAreSixtyFourBit) {
  const int64_t length = int64_t{1} << 25;
  const auto positions = local_positions(length * 512, 1024 * 64, 5, Placement::kContiguous);
  EXPECT_EQ(positions.back(), 6 * (length * 512 / (1024 * 64)) - 1);
}

}  // namespace
}  // namespace ropeway::testing
