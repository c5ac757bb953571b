#include "parallel/layout/placement.h"

#include <numeric>

#include "kernels/base/error.h"

namespace ropeway {

std::vector<int64_t> local_positions(int64_t length, int ranks, int rank, Placement placement) {
  ROPEWAY_CHECK(ranks >= 1 && rank >= 0 && rank < ranks, "rank {} of {}", rank, ranks);
  const int64_t pieces = placement == Placement::kZigzag ? 2 * int64_t{ranks} : ranks;
  if (length <= 0 || length % pieces != 0) {
    fail(ErrorKind::kConfig, "sequence length {} on {} sequence ranks: wanted a positive multiple of {} ({})",
         length, ranks, pieces,
         placement == Placement::kZigzag ? "zigzag: two chunks a rank" : "contiguous: one chunk a rank");
  }
  const int64_t piece = length / pieces;
  std::vector<int64_t> positions(static_cast<size_t>(length / ranks));
  if (placement == Placement::kContiguous) {
    std::iota(positions.begin(), positions.end(), rank * piece);
  } else {
    const auto middle = positions.begin() + piece;
    std::iota(positions.begin(), middle, rank * piece);
    std::iota(middle, positions.end(), (pieces - 1 - rank) * piece);
  }
  return positions;
}

// Zigzag, with chunks a < b of the queries' rank r and c < d of the keys' rank s (a = r, b = 2P-1-r, c = s,
// d = 2P-1-s): s < r gives c < a < b < d, so all queries see c and none sees d; s > r gives a < c < d < b, so
// the second half of the queries sees everything and the first half nothing. Both are half of a full block.
HopWork hop_work(int64_t local_length, int ranks, int rank, int source, Placement placement) {
  ROPEWAY_CHECK(rank >= 0 && rank < ranks && source >= 0 && source < ranks, "ranks {} and {} of {}", rank,
                source, ranks);
  const int64_t n = local_length, half = n / 2;
  if (source == rank) return {HopWork::Kind::kCausal, 0, n, 0, n};
  if (placement == Placement::kContiguous) {
    return source < rank ? HopWork{HopWork::Kind::kFull, 0, n, 0, n} : HopWork{};
  }
  return source < rank ? HopWork{HopWork::Kind::kFull, 0, n, 0, half}
                       : HopWork{HopWork::Kind::kFull, half, half, 0, n};
}

}  // namespace ropeway
