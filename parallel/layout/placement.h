// Which positions of a sequence each rank holds. Contiguous: rank r holds [r*n, (r+1)*n). Zigzag: the
// sequence is cut into 2P chunks and rank r holds chunks r and 2P-1-r, so that every rank has the same causal
// work (Brandon et al., "Striped attention", 2023; the zigzag form is that of zhuzilin/ring-flash-attention).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropeway {

enum class Placement { kZigzag, kContiguous };

// The global positions rank `rank` of `ranks` holds of a sequence of `length` tokens, ascending; length/ranks
// of them. Throws kConfig unless length is divisible by ranks (contiguous) or 2*ranks (zigzag).
std::vector<int64_t> local_positions(int64_t length, int ranks, int rank, Placement placement);

// On a GPU chunks are multiples of 128 tokens: attention's tiles have no rest (cuDNN's backward has been
// wrong for rests of 64, pytorch#196678), and lengths that are nearly the same share one of cuDNN's plans,
// which are made for every shape anew.
constexpr int64_t kGpuChunkMultiple = 128;

// The smallest length not below `length` that `ranks` ranks can share in chunks of a multiple of
// `chunk_multiple` tokens. What is added comes last: under causal attention nothing before it sees it.
inline int64_t padded_length(int64_t length, int ranks, Placement placement, int64_t chunk_multiple) {
  const int64_t unit = (placement == Placement::kZigzag ? 2 : 1) * int64_t{ranks} * chunk_multiple;
  return (length + unit - 1) / unit * unit;
}

// What a rank's queries see of the keys that came from rank `source`: in units of the local length n.
struct HopWork {
  enum class Kind { kNone, kCausal, kFull } kind = Kind::kNone;
  int64_t query_begin = 0, query_count = 0;  // local rows of q that take part
  int64_t key_begin = 0, key_count = 0;      // local rows of the visiting k, v
};
HopWork hop_work(int64_t local_length, int ranks, int rank, int source, Placement placement);

}  // namespace ropeway
