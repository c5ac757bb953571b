// Threads of a rank's matrix products. OpenMP's own default is every core of the host for every rank; several
// ranks on a node then wait for each other's spinning threads.
#pragma once

#include "parallel/comm/communicator.h"

namespace ropeway {

// Collective. Unless OMP_NUM_THREADS is set: as many as the rank's share of the cores. Call it on the thread
// that computes.
void choose_thread_count(Communicator& world);
// Rank 0 says how many there are, when it was not the user who said so. For verbs, when their work begins.
void log_thread_count();

}  // namespace ropeway
