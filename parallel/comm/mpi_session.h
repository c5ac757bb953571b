// The MPI job this process is part of: its start, its end, and where this rank is in it.
#pragma once

#include <memory>
#include <string>

#include "parallel/comm/communicator.h"

namespace ropeway {

// Without a launcher (no mpirun, no srun) world() is a group of one and MPI is never initialised. The
// destructor finalises MPI unless an exception is passing: then the caller must abort(). A process that calls
// exit() meanwhile says so and ends the whole job with kInternal.
class MpiSession {
 public:
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  Communicator& world();
  bool under_launcher() const;  // started by mpirun or srun
  int local_rank() const;       // rank among those of the same host (MPI_Comm_split_type)
  std::string host_name() const;
  // True once every rank of the job has called it; false when some have not within `seconds`. A rank that
  // failed asks this: either all ranks were stopped by the same error, or it is alone and must abort the
  // others.
  bool all_arrive(double seconds);
  static std::string library_version();  // "Open MPI 4.1.4"; needs no initialisation

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
