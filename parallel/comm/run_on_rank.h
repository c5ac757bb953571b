// Work that may fail on one rank, such as reading or writing a file, and must then end on all of them.
#pragma once

#include <functional>

#include "parallel/comm/communicator.h"

namespace ropeway {

// Collective: runs work on rank `root` alone. An error thrown there is thrown on every rank, with the same
// kind and message, so that all ranks end with the same exit code.
void run_on_rank(Communicator& comm, int root, const std::function<void()>& work);
// Collective: runs work on every rank. Where it fails, the error of the lowest such rank is thrown on every rank,
// with its kind, message and way out.
void run_on_all_ranks(Communicator& comm, const std::function<void()>& work);

}  // namespace ropeway
