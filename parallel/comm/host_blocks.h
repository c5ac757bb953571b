// Which ranks are on one host.
#pragma once

#include <string>
#include <vector>

#include "parallel/comm/communicator.h"

namespace ropeway {

// The largest k such that ranks 0 .. k-1, k .. 2k-1 and so on are each on one host: ranks per host where a
// launcher fills host after host evenly, 1 where it deals them out in turn. hosts: by rank.
int ranks_per_host(const std::vector<std::string>& hosts);
// Of the ranks of the world. Collective.
int ranks_per_host(Communicator& world);

}  // namespace ropeway
