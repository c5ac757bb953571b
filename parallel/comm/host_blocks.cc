#include "parallel/comm/host_blocks.h"

#include <numeric>

#include "kernels/base/host_name.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {

int ranks_per_host(const std::vector<std::string>& hosts) {
  int block = 0, run = 0;
  for (size_t i = 0; i < hosts.size(); ++i) {
    ++run;
    if (i + 1 < hosts.size() && hosts[i + 1] == hosts[i]) continue;
    block = std::gcd(block, run);
    run = 0;
  }
  return block;
}

int ranks_per_host(Communicator& world) { return ranks_per_host(all_gather_strings(world, host_name())); }

}  // namespace ropeway
