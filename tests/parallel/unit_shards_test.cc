#include "parallel/zero/unit_shards.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "parallel/zero/shard_range.h"

namespace ropeway {
namespace {

const std::vector<FlatRange> kUnits = {{0, 1000}, {1000, 1064}, {1064, 1065}, {1065, 5000}};

TEST(UnitShards, PiecesOfAllRanksAreTheUnits) {
  for (const int ranks : {1, 2, 3, 8, 100}) {
    for (size_t u = 0; u < kUnits.size(); ++u) {
      int64_t covered = kUnits[u].begin;
      for (int rank = 0; rank < ranks; ++rank) {
        const UnitShards shards(kUnits, ranks, rank);
        const FlatRange piece = shards.pieces()[u];
        EXPECT_EQ(piece.begin, covered) << ranks << " ranks, unit " << u;
        EXPECT_LE(piece.size(), shards.row(u));
        covered = piece.end;
      }
      EXPECT_EQ(covered, kUnits[u].end) << ranks << " ranks, unit " << u;
    }
  }
}

TEST(UnitShards, RowsAreAlignedAndHoldTheUnit) {
  for (const int ranks : {1, 2, 3, 8, 100}) {
    const UnitShards shards(kUnits, ranks, 0);
    for (size_t u = 0; u < kUnits.size(); ++u) {
      EXPECT_EQ(shards.row(u) % kShardUnit, 0);
      EXPECT_EQ(shards.padded(u), shards.row(u) * ranks);
      EXPECT_GE(shards.padded(u), kUnits[u].size());
      EXPECT_LT(shards.padded(u), kUnits[u].size() + ranks * kShardUnit);
    }
  }
}

TEST(UnitShards, ElementsAreFoundByTheirPlaceInTheShare) {
  for (int rank = 0; rank < 3; ++rank) {
    const UnitShards shards(kUnits, 3, rank);
    int64_t own = 0;
    for (size_t u = 0; u < kUnits.size(); ++u) {
      EXPECT_EQ(shards.own_begin(u), own);
      for (int64_t i = shards.pieces()[u].begin; i < shards.pieces()[u].end; ++i) {
        EXPECT_EQ(shards.global_index(own++), i);
        EXPECT_EQ(shards.unit_at(i), u);
      }
    }
    EXPECT_EQ(shards.own_count(), own);
  }
}

TEST(UnitShards, UnitsWithGapsAreADefect) {
  EXPECT_THROW(UnitShards({{0, 5}, {6, 9}}, 2, 0), Error);
  EXPECT_THROW(UnitShards({{1, 5}}, 2, 0), Error);
  EXPECT_THROW(UnitShards(kUnits, 2, 2), Error);
  EXPECT_THROW(UnitShards(kUnits, 2, 0).unit_at(5000), Error);
}

}  // namespace
}  // namespace ropeway
