// What all device kernels share, executed on the host: how work is cut, reductions, packs.
#include "kernels/base/team.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "kernels/base/column_sums.h"
#include "kernels/base/element_pack.h"
#include "tests/kernels/host_team.h"

namespace ropeway {
namespace {

using testing::HostLauncher;
using testing::HostTeam;

struct CountItems {
  ItemTiles tiles;
  std::vector<int>* seen;  // [rows, items_per_row]

  template <typename Team>
  void operator()(Team& team) const {
    for_each_item(team, tiles,
                  [&](int64_t row, int64_t item) { ++(*seen)[row * tiles.items_per_row + item]; });
  }
};

TEST(ItemTiles, EveryItemOnce) {
  for (const int64_t rows : {0, 1, 7, 1000, 5000}) {
    for (const int64_t items : {1, 3, 63, 1023, 1024, 1025, 2600}) {
      std::vector<int> seen(rows * items, 0);
      const CountItems body{ItemTiles(rows, items), &seen};
      for (const int64_t teams : {int64_t{1}, int64_t{5}, body.tiles.count()}) {
        std::fill(seen.begin(), seen.end(), 0);
        HostLauncher().blocks("", body, teams, ItemTiles::kThreads, 0);
        EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), teams == 0 ? 0 : rows * items)
            << rows << " x " << items << " on " << teams;
      }
    }
  }
}

TEST(ItemTiles, NoItemsInARow) {
  std::vector<int> seen;
  EXPECT_EQ(ItemTiles(12, 0).count(), 0);
}

// Rows and offsets around 2^31, by the teams that have the tiles at the end.
TEST(ItemTiles, RowsAreCountedIn64Bits) {
  constexpr int64_t kItems = 1100;  // a row a tile
  for (const int64_t rows : {(int64_t{1} << 31) - 1, int64_t{1} << 31, (int64_t{1} << 31) + 1}) {
    const ItemTiles tiles(rows, kItems);
    std::map<int64_t, int> seen;
    HostTeam team(ItemTiles::kThreads, tiles.count() - 1, tiles.count(), 0, false);
    for_each_item(team, tiles, [&](int64_t row, int64_t) { ++seen[row]; });
    EXPECT_EQ(seen, (std::map<int64_t, int>{{rows - 1, kItems}}));
  }
}

TEST(ForEachPack, EveryElementOnce) {
  for (const int64_t count : {0, 1, 3, 4, 1025, 10007}) {
    std::vector<int> seen(count, 0);
    for (int64_t team_index = 0; team_index < 3; ++team_index) {
      HostTeam team(64, team_index, 3, 0, false);
      for_each_pack<4>(team, count, [&](auto width, int64_t i) {
        for (int k = 0; k < decltype(width)::value; ++k) ++seen[i + k];
      });
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), count);
  }
}

// As many teams as there are packs, of which only the last is run: indices past 2^31 come from it alone.
TEST(ForEachPack, IndicesAreCountedIn64Bits) {
  for (const int64_t count : {(int64_t{1} << 31) - 1, (int64_t{1} << 31) + 1, (int64_t{1} << 34) + 3}) {
    const int64_t teams = (count / 4 + kWarp - 1) / kWarp;
    HostTeam team(kWarp, teams - 1, teams, 0, false);
    int64_t last = -1;
    for_each_pack<4>(team, count, [&](auto, int64_t i) { last = std::max(last, i); });
    EXPECT_EQ(last, count / 4 * 4 - 4);
    HostTeam first(kWarp, 0, teams, 0, false);  // takes what is left over
    for_each_pack<4>(first, count,
                     [&](auto width, int64_t i) { last = std::max(last, i + decltype(width)::value); });
    EXPECT_EQ(last, count);
  }
}

TEST(ThreadsForRow, WholeWarpsUpToABlock) {
  EXPECT_EQ(threads_for_row(0), 32);
  EXPECT_EQ(threads_for_row(1), 32);
  EXPECT_EQ(threads_for_row(33), 64);
  EXPECT_EQ(threads_for_row(512), 512);
  EXPECT_EQ(threads_for_row(1 << 20), 512);
}

TEST(ColumnSums, AddsToWhatIsThere) {
  for (const int64_t rows : {1, 3, 16, 1000}) {
    for (const int64_t columns : {1, 31, 32, 33, 200}) {
      std::vector<float> from(rows * columns);
      std::vector<double> to(columns, 0.5), wanted(columns, 0.5);
      for (int64_t i = 0; i < rows * columns; ++i) {
        from[i] = std::sin(static_cast<float>(i));
        wanted[i % columns] += from[i];
      }
      add_column_sums(HostLauncher(), "", from.data(), rows, columns, to.data());
      for (int64_t c = 0; c < columns; ++c) EXPECT_NEAR(to[c], wanted[c], 1e-13 * static_cast<double>(rows));
    }
  }
}

TEST(ColumnSums, ThreadsMayRunInAnyOrder) {
  std::vector<float> from(1000 * 40);
  for (size_t i = 0; i < from.size(); ++i) from[i] = std::sin(static_cast<float>(i));
  std::vector<double> forwards(40, 0), backwards(40, 0);
  add_column_sums(HostLauncher(false), "", from.data(), 1000, 40, forwards.data());
  add_column_sums(HostLauncher(true), "", from.data(), 1000, 40, backwards.data());
  EXPECT_EQ(forwards, backwards);
}

TEST(ElementPack, ReadsAndRoundsAsSingleElementsDo) {
  alignas(16) bfloat16 from[8], together[8], alone[8];
  for (int i = 0; i < 8; ++i) from[i] = bfloat16(std::cos(static_cast<float>(i)));
  float values[8];
  load_pack<8>(from, values);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(values[i], load_element(from + i));
    values[i] *= 1.01f;
    store_element(alone + i, values[i]);
  }
  store_pack<8>(together, values);
  EXPECT_EQ(std::memcmp(together, alone, sizeof alone), 0);
}

TEST(ElementPack, NeedsAlignedRows) {
  alignas(16) float data[8] = {};
  EXPECT_TRUE(fits_packs(4, data, 8));
  EXPECT_FALSE(fits_packs(4, data + 1, 8));
  EXPECT_FALSE(fits_packs(4, data, 6));
  EXPECT_TRUE(fits_packs(2, data + 2, 6));
  EXPECT_TRUE(fits_packs(1, data + 1, 3));
  EXPECT_TRUE(fits_packs(8, data, 4)) << "more than 128 bits are read in several parts of 128";
}

}  // namespace
}  // namespace ropeway
