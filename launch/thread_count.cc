#include "launch/thread_count.h"

#include <ATen/Parallel.h>

#include <cstdlib>

#include "kernels/base/log.h"
#include "parallel/comm/core_share.h"

namespace ropeway {
namespace {

bool user_chose() {
  const char* const number = std::getenv("OMP_NUM_THREADS");
  return number != nullptr && *number != '\0';
}

}  // namespace

void choose_thread_count(Communicator& world) {
  const int cores = share_of_cores(world);
  if (!user_chose()) at::set_num_threads(cores);
}

void log_thread_count() {
  if (user_chose()) return;
  const int threads = at::get_num_threads();
  log_info("{} {} per rank (OMP_NUM_THREADS sets another number)", threads,
           threads == 1 ? "thread" : "threads");
}

}  // namespace ropeway
