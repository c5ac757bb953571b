// A group of ranks that share host memory's verbs and can wait for each other. The same calling code runs with
// one rank (world_of_one.h), with threads of one process (thread_world.h: tests; an emulated ring), and with
// MPI processes (mpi_session.h).
#pragma once

#include <memory>

#include "parallel/comm/collectives.h"

namespace ropeway {

class Communicator : public Collectives {
 public:
  virtual void barrier() = 0;
  // Collective. Ranks with the same colour form a new group, ordered by key.
  virtual std::unique_ptr<Communicator> split(int colour, int key) = 0;
  // Ends every rank of the job with this exit code; for one rank that cannot go on while others may be
  // waiting.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace ropeway
