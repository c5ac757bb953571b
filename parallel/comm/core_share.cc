#include "parallel/comm/core_share.h"

#include <sched.h>

#include <algorithm>
#include <string>

#include "kernels/base/host_name.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {

CoreSet allowed_cores() {
  CoreSet result;
  constexpr int kMost = static_cast<int>(CoreSet().size());
  cpu_set_t* const set = CPU_ALLOC(kMost);
  const size_t bytes = CPU_ALLOC_SIZE(kMost);
  if (set != nullptr && sched_getaffinity(0, bytes, set) == 0) {
    for (int core = 0; core < kMost; ++core) {
      if (CPU_ISSET_S(core, bytes, set)) result.set(static_cast<size_t>(core));
    }
  }
  CPU_FREE(set);
  return result;
}

int share_of_cores(const std::vector<CoreSet>& sets, size_t rank) {
  double share = 0;
  for (size_t core = 0; core < sets[rank].size(); ++core) {
    if (!sets[rank][core]) continue;
    const auto users = std::count_if(sets.begin(), sets.end(), [&](const CoreSet& set) { return set[core]; });
    share += 1.0 / static_cast<double>(users);
  }
  return std::max(1, static_cast<int>(share + 1e-9));
}

int share_of_cores(Communicator& world) {
  const std::string own_host = host_name() + '/';
  std::vector<CoreSet> sets;
  size_t own = 0;
  int rank = 0;
  for (const std::string& other : all_gather_strings(world, own_host + allowed_cores().to_string())) {
    const bool is_own = rank++ == world.rank();
    if (!other.starts_with(own_host)) continue;
    if (is_own) own = sets.size();
    sets.emplace_back(other, own_host.size());
  }
  return share_of_cores(sets, own);
}

}  // namespace ropeway
