// Ranks as threads of one process: the same verbs through shared memory. For tests, and for a ring of P ranks
// emulated in one process.
#pragma once

#include <functional>

#include "parallel/comm/communicator.h"

namespace ropeway {

// Runs body on `size` threads, each with a Communicator of its own over one shared world; returns when all
// have returned. The first exception, by rank, is thrown again here; ranks waiting for the failed one are
// released with kPeer errors.
void run_thread_world(int size, const std::function<void(Communicator&)>& body);

}  // namespace ropeway
