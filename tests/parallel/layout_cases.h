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
};
std::ostream& operator<<(std::ostream& out, const LayoutCase& c);

// Both placements of: sequences that need no padding, sequences that do, sequences of different lengths, and
// sequences of several documents.
std::vector<LayoutCase> layout_cases();

// The ring's results against the reference's, F64, all ranks together. Collective.
RingErrors ring_errors(Communicator& comm, const LayoutCase& c);

}  // namespace ropeway::testing
