// Work that one rank does for all of them, such as writing a file.
#pragma once

#include <functional>

#include "parallel/comm/communicator.h"

namespace ropeway {

// Collective: runs work on rank `root` alone. An error thrown there is thrown on every rank, with the same
// kind and message, so that all ranks end with the same exit code.
void run_on_rank(Communicator& comm, int root, const std::function<void()>& work);

}  // namespace ropeway
