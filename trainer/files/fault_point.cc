#include "trainer/files/fault_point.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace ropeway {

void fault_point(const char* name, int rank) {
  const char* wanted = std::getenv("ROPEWAY_FAULT_POINT");
  if (wanted == nullptr || std::strcmp(wanted, name) != 0) return;
  const char* wanted_rank = std::getenv("ROPEWAY_FAULT_RANK");
  if (wanted_rank != nullptr && std::atoi(wanted_rank) != rank) return;
  static std::atomic<int> passed{0};
  const char* skip = std::getenv("ROPEWAY_FAULT_SKIP");
  if (passed.fetch_add(1) < (skip != nullptr ? std::atoi(skip) : 0)) return;
  ::_exit(137);  // no destructors, no buffers flushed: what a killed process leaves behind
}

}  // namespace ropeway
