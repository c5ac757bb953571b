// The ring against the second SequenceAttention (reference_attention.h) on layouts of all kinds that the ring
// can compute. On any communicator: threads or MPI processes.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "parallel/layout/sequence_layout.h"
#include "tests/parallel/ring_cases.h"

namespace ropeway::testing {

struct LayoutCase {
  std::string name;
  std::vector<SequenceSpec> sequences;
  Placement placement = Placement::kZigzag;
  int64_t chunk_multiple = 1;
  double softcap = 0;
  int heads = 1;  // neighbours that share heads
  int64_t query_heads = 4, key_heads = 2;
  int head_groups = 1;  // computed one after the other
};
std::ostream& operator<<(std::ostream& out, const LayoutCase& c);

// All placements of: sequences that need no padding, sequences that do, sequences of different lengths, and
// sequences of several documents.
std::vector<LayoutCase> layout_cases();

// The ring's results (with heads those of heads and ring) against the reference's, F64, all ranks together;
// of shared heads without lse, which is not in the reference's order. Collective.
RingErrors ring_errors(Communicator& comm, const LayoutCase& c);

}  // namespace ropeway::testing
