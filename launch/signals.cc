#include "launch/signals.h"

#include <signal.h>

#include <atomic>

namespace ropeway {
namespace {

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_stop_request(int) { g_stop.store(true, std::memory_order_relaxed); }

}  // namespace

void install_signal_handlers() {
  struct sigaction stop = {};
  stop.sa_handler = on_stop_request;
  stop.sa_flags = SA_RESTART;  // reads and writes in flight go on
  sigemptyset(&stop.sa_mask);
  sigaction(SIGUSR1, &stop, nullptr);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, nullptr);
}

bool stop_requested() { return g_stop.load(std::memory_order_relaxed); }

}  // namespace ropeway
