// Which part of a flat array of parameters is whose.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/base/error.h"
#include "parallel/zero/flat_ranges.h"

namespace ropeway {

// Shares begin at multiples of this, so that they are aligned: GPUs and NCCL move unaligned data a few bytes
// at a time.
constexpr int64_t kShardUnit = 64;

// This rank's share of `total` elements. The shares cover everything, in order, in whole units but for the
// end of the last; they differ by at most one unit, and rank 0 has the most.
inline FlatRange shard_range(int64_t total, int ranks, int rank) {
  ROPEWAY_CHECK(total >= 0 && ranks >= 1 && rank >= 0 && rank < ranks, "share {} of {} of {} elements", rank,
                ranks, total);
  const int64_t units = (total + kShardUnit - 1) / kShardUnit, share = units / ranks,
                longer = units % ranks;  // the first `longer` ranks hold one unit more
  const auto begin = [&](int64_t r) {
    return std::min(total, (r * share + std::min(r, longer)) * kShardUnit);
  };
  return {begin(rank), begin(rank + 1)};
}

}  // namespace ropeway
