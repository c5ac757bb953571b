// How device kernels are written here, so that the whole kernel, indexing and reductions included, also runs
// on the CPU under test: a kernel is a struct with its arguments and
//
//   template <typename Team> ROPEWAY_TEAM_BODY void operator()(Team& team) const;
//
// A team is a block or a warp of threads. On a GPU (device_team.h) every thread executes the body; in the
// tests one thread executes it for the whole team (tests/kernels/host_team.h). A team offers
//   size()                       its threads
//   index(), count()             which of the launch's teams it is
//   each(f)                      f(thread) for each of its threads: all work of single threads goes in here
//   typename PerThread<V>        a variable of which every thread has its own: value[thread]
//   reduce(values, op)           op over all threads' values, the same for all, in an order that depends on
//                                nothing but size(); op must be commutative
//   sync()                       what the threads wrote before is seen by all of them after
//   scratch<V>()                 memory shared by the team, as large as the launch asked for
// A launcher runs a body on teams: blocks(name, body, teams, threads, scratch_bytes), warps(name, body,
// teams, scratch_bytes). Functions that choose sizes and launch take the launcher as their first argument.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/base/host_device.h"

#if defined(__CUDACC__)
#define ROPEWAY_TEAM_BODY __device__ __forceinline__
#else
#define ROPEWAY_TEAM_BODY inline
#endif

namespace ropeway {

inline constexpr int kWarp = 32;
inline constexpr int kMaxBlockThreads = 512;  // what kernels are compiled for
// Teams of a launch at most; each goes on to further work. Enough for eight blocks on each of
// 1,000 processors.
inline constexpr int64_t kMaxBlocks = 8192;

// rows x items_per_row independent items cut into tiles of whole rows. Inside a tile items are counted in 32
// bits, because a 64-bit division per item would cost more than the memory traffic; rows are counted in 64.
struct ItemTiles {
  static constexpr int kThreads = 256;
  static constexpr int64_t kItemsPerTile = 4 * kThreads;
  int64_t rows = 0;
  uint32_t items_per_row = 0, rows_per_tile = 1;

  // items_per_row < 2^30.
  ItemTiles(int64_t rows, int64_t items_per_row)
      : rows(items_per_row == 0 ? 0 : rows),
        items_per_row(static_cast<uint32_t>(items_per_row)),
        rows_per_tile(static_cast<uint32_t>(
            std::max<int64_t>(1, kItemsPerTile / std::max<int64_t>(1, items_per_row)))) {}

  ROPEWAY_HOST_DEVICE int64_t count() const { return (rows + rows_per_tile - 1) / rows_per_tile; }
};

// body(row, item) for every item of the tiles of this team.
template <typename Team, typename Body>
ROPEWAY_TEAM_BODY void for_each_item(Team& team, const ItemTiles& tiles, const Body& body) {
  for (int64_t tile = team.index(); tile < tiles.count(); tile += team.count()) {
    const int64_t first = tile * tiles.rows_per_tile, left = tiles.rows - first;
    const uint32_t rows = left < tiles.rows_per_tile ? static_cast<uint32_t>(left) : tiles.rows_per_tile;
    const uint32_t items = rows * tiles.items_per_row;
    team.each([&](int thread) {
      for (uint32_t i = static_cast<uint32_t>(thread); i < items; i += static_cast<uint32_t>(team.size())) {
        const uint32_t row = i / tiles.items_per_row;
        body(first + row, static_cast<int64_t>(i - row * tiles.items_per_row));
      }
    });
  }
}

// Runs an elementwise body on as many blocks as its tiles need.
template <typename Launcher, typename Body>
void launch_items(const Launcher& launcher, const char* name, const Body& body) {
  launcher.blocks(name, body, std::min(body.tiles.count(), kMaxBlocks), ItemTiles::kThreads, 0);
}

// body(n, i) for elements i .. i + n - 1 of a flat array: packs of n = N, and the rest one by one. n is a
// std::integral_constant.
template <int N, typename Team, typename Body>
ROPEWAY_TEAM_BODY void for_each_pack(Team& team, int64_t count, const Body& body) {
  const int64_t packs = count / N, step = team.count() * team.size();
  team.each([&](int thread) {
    const int64_t first = team.index() * team.size() + thread;
    for (int64_t pack = first; pack < packs; pack += step) body(std::integral_constant<int, N>{}, pack * N);
    if constexpr (N > 1) {
      for (int64_t i = packs * N + first; i < count; i += step) body(std::integral_constant<int, 1>{}, i);
    }
  });
}

// Blocks of ItemTiles::kThreads for so many packs.
inline int64_t blocks_for_packs(int64_t packs) {
  return std::min((packs + ItemTiles::kThreads - 1) / ItemTiles::kThreads, kMaxBlocks);
}

// Threads of a block that works through rows of `items` items together: a multiple of a warp.
inline int threads_for_row(int64_t items) {
  const int64_t warps = (items + kWarp - 1) / kWarp;
  return kWarp * static_cast<int>(std::clamp<int64_t>(warps, 1, kMaxBlockThreads / kWarp));
}

struct Add {
  template <typename V>
  ROPEWAY_HOST_DEVICE V operator()(V a, V b) const {
    return a + b;
  }
};

}  // namespace ropeway
