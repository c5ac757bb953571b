// Internal to comm/: the communicator of an initialised MPI job. mpi.h stays in the .cc files.
#pragma once

#include <cstdint>
#include <memory>

#include "parallel/comm/communicator.h"

namespace ropeway::internal {

struct MpiOptions {
  // Longer transfers are cut into messages of at most this many bytes: MPI counts are 32-bit ints. Equal on
  // all ranks.
  int64_t max_message_bytes = int64_t{1} << 30;
  // Long reductions are done in pieces, each with about this much temporary memory.
  int64_t reduce_scratch_bytes = int64_t{16} << 20;
  // Reductions of more than this many bytes are not made ahead of their use.
  int64_t ahead_scratch_bytes = int64_t{256} << 20;
};

// A communicator over all processes of the job, on communicators of its own. MPI must be initialised with
// MPI_THREAD_MULTIPLE. To be destroyed before MPI_Finalize, by all ranks, or not at all when an exception
// passes.
std::unique_ptr<Communicator> make_mpi_world(const MpiOptions& options = {});

}  // namespace ropeway::internal
