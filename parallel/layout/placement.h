// Which positions of a sequence each rank holds. Contiguous: rank r holds [r*n, (r+1)*n). Zigzag: the
// sequence is cut into 2P chunks and rank r holds chunks r and 2P-1-r, so that every rank has the same causal
// work (Brandon et al., "Striped attention", 2023; the zigzag form is that of zhuzilin/ring-flash-attention).
// Balanced: as zigzag in a sequence of one document; of several, what document_balance.h finds.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

enum class Placement { kZigzag, kContiguous, kBalanced };

// A sequence is cut into as many chunks for each rank.
constexpr int chunks_per_rank(Placement placement) { return placement == Placement::kContiguous ? 1 : 2; }

// Consecutive positions that a rank holds in consecutive rows: position + i lies in row + i, i < count.
struct PositionRun {
  int64_t position = 0, row = 0, count = 0;
  bool operator==(const PositionRun&) const = default;
};
// What rank `rank` of `ranks` holds of a sequence of `length` tokens, all of one document, ascending: one
// run, or the two chunks of zigzag. Throws kConfig unless length is divisible by ranks (contiguous) or
// 2*ranks (others).
std::vector<PositionRun> local_runs(int64_t length, int ranks, int rank, Placement placement);
// The same, position by position: length/ranks of them.
std::vector<int64_t> local_positions(int64_t length, int ranks, int rank, Placement placement);

// On a GPU, chunks are multiples of 128 tokens: attention's tiles divide them (cuDNN's backward has been
// wrong for remainders of 64, pytorch#196678), and nearly equal lengths share a plan of cuDNN's, of which
// there is one for every shape.
constexpr int64_t kGpuChunkMultiple = 128;

// The smallest length not below `length` that `ranks` ranks can share in chunks of a multiple of
// `chunk_multiple` tokens. Padding comes last: under causal attention no real token sees it.
inline int64_t padded_length(int64_t length, int ranks, Placement placement, int64_t chunk_multiple) {
  const int64_t unit = chunks_per_rank(placement) * int64_t{ranks} * chunk_multiple;
  return (length + unit - 1) / unit * unit;
}

}  // namespace ropeway
