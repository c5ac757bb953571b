#include "launch/signals.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>

namespace ropeway {
namespace {

std::atomic<bool> g_stop{false};

sigset_t only_usr1() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  return set;
}

}  // namespace

// No handler: one would run on the stack of whatever was interrupted, and oneDNN's matrix product puts its
// workspace, in the middle of the heap, where the stack is wanted.
void prepare_signals() {
  const sigset_t usr1 = only_usr1();
  pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, nullptr);
  sigaction(SIGXFSZ, &ignore, nullptr);  // a write beyond the limit fails with EFBIG then
}

bool stop_requested() {
  if (g_stop.load(std::memory_order_relaxed)) return true;
  const sigset_t usr1 = only_usr1();
  constexpr timespec kAtOnce{0, 0};
  if (sigtimedwait(&usr1, nullptr, &kAtOnce) == SIGUSR1) g_stop.store(true, std::memory_order_relaxed);
  return g_stop.load(std::memory_order_relaxed);
}

}  // namespace ropeway
