// main() of the GoogleTest binaries that run under mpirun: every rank runs every test, rank 0 speaks, and a
// failure on one rank is the exit code of all.
#pragma once

#include "parallel/comm/mpi_session.h"

namespace ropeway::testing {

MpiSession& mpi_session();

}  // namespace ropeway::testing
