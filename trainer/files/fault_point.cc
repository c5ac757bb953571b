#include "trainer/files/fault_point.h"

#include <signal.h>
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
  const int passed_before = passed.fetch_add(1), wanted_passes = skip != nullptr ? std::atoi(skip) : 0;
  if (passed_before < wanted_passes) return;
  if (const char* const signal = std::getenv("ROPEWAY_FAULT_SIGNAL")) {
    if (passed_before == wanted_passes) ::raise(std::atoi(signal));
    return;
  }
  ::_exit(137);  // no destructors, no buffers flushed: what a killed process leaves behind
}

}  // namespace ropeway
