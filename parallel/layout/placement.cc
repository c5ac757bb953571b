#include "parallel/layout/placement.h"

#include <numeric>

#include "kernels/base/error.h"

namespace ropeway {

std::vector<PositionRun> local_runs(int64_t length, int ranks, int rank, Placement placement) {
  ROPEWAY_CHECK(ranks >= 1 && rank >= 0 && rank < ranks, "rank {} of {}", rank, ranks);
  const int64_t pieces = chunks_per_rank(placement) * int64_t{ranks};
  if (length <= 0 || length % pieces != 0) {
    fail(ErrorKind::kConfig, "sequence length {} on {} sequence ranks: wanted a positive multiple of {} ({})",
         length, ranks, pieces,
         placement == Placement::kContiguous ? "contiguous: one chunk per rank"
                                             : "zigzag: two chunks per rank");
  }
  const int64_t piece = length / pieces;
  if (placement == Placement::kContiguous) return {{rank * piece, 0, piece}};
  return {{rank * piece, 0, piece}, {(pieces - 1 - rank) * piece, piece, piece}};
}

std::vector<int64_t> local_positions(int64_t length, int ranks, int rank, Placement placement) {
  const std::vector<PositionRun> runs = local_runs(length, ranks, rank, placement);
  std::vector<int64_t> positions(static_cast<size_t>(length / ranks));
  for (const PositionRun& run : runs) {
    const auto first = positions.begin() + run.row;
    std::iota(first, first + run.count, run.position);
  }
  return positions;
}

}  // namespace ropeway
