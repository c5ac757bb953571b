// How many cores of its host a rank may count on. Launchers bind ranks to cores, to sockets, or not at all:
// each core a rank may run on is divided by the number of the host's ranks that may run there.
#pragma once

#include <bitset>
#include <vector>

#include "parallel/comm/communicator.h"

namespace ropeway {

using CoreSet = std::bitset<4096>;  // by core number

CoreSet allowed_cores();  // of this thread: sched_getaffinity
// sets[r]: the cores of rank r of one host. At least 1.
int share_of_cores(const std::vector<CoreSet>& sets, size_t rank);
// Collective: this rank's share of its host.
int share_of_cores(Communicator& world);

}  // namespace ropeway
