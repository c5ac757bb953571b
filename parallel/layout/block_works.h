// What a rank's queries see of another rank's keys, as rectangles of attention that a kernel can compute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "parallel/layout/placement.h"

namespace ropeway {

// Query rows of this rank against key rows of the rank they came from, both counted in local rows. Within the
// rectangle, query row i (from query_begin) sees key row j (from key_begin)
//   kFull    always
//   kCausal  when j <= i; as many keys as queries
//   kBand    when 0 <= offset + i - j < window; every query of it sees a key, and every key is seen
struct BlockWork {
  enum class Mask { kFull, kCausal, kBand };
  Mask mask = Mask::kFull;
  int64_t first_sequence = 0, num_sequences = 1;  // neighbours in the batch that have this work in common
  int64_t query_begin = 0, query_count = 0;
  int64_t key_begin = 0, key_count = 0;
  int64_t offset = 0, window = 0;  // kBand only

  bool operator==(const BlockWork&) const = default;
};

// Part of a run that lies in one document.
struct DocumentPiece {
  PositionRun run;
  size_t document = 0;
};
// In order; documents: the positions at which they start, 0 first, ascending.
std::vector<DocumentPiece> cut_at_borders(const std::vector<PositionRun>& runs,
                                          const std::vector<int64_t>& documents);
// Those of one document, of pieces in order.
std::span<const DocumentPiece> pieces_of(std::span<const DocumentPiece> pieces, size_t document);

// The works of one sequence, whose documents start at these positions. queries and keys: the runs of the two
// ranks, which are the same (own) or have no position in common. window: keys a query sees, itself included;
// 0: all before it. Every visible pair is in exactly one work, and no other pair is. Without a window, the
// works of a rank's own keys cover each of its rows once, as query and as key.
std::vector<BlockWork> block_works(const std::vector<PositionRun>& queries,
                                   const std::vector<PositionRun>& keys, bool own,
                                   const std::vector<int64_t>& documents, int64_t window);

}  // namespace ropeway
