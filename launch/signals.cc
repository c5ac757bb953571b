#include "launch/signals.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "kernels/base/error.h"
#include "launch/rank_from_launcher.h"
#include "parallel/board/hang_watch.h"
#include "trainer/files/write_all.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

// Launchers deliver one request twice: to the process group, and to each rank.
constexpr auto kSameRequest = std::chrono::milliseconds(200);

std::atomic<int> g_first{0};
std::atomic<bool> g_noted{false};

sigset_t requests() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

const char* name_of(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "";
  }
}

// Past the log and standard error's buffers, whose locks another thread may hold.
void say(const std::string& message) {
  const int rank = rank_from_launcher();
  const std::string text = rank == 0 ? fmt::format("ropeway: {}\n", message)
                                     : fmt::format("ropeway: rank {}: {}\n", rank, message);
  write_all(STDERR_FILENO, text.data(), text.size());
}

[[noreturn]] void wait_for_requests() {
  const sigset_t set = requests();
  Clock::time_point first{};
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (g_first == 0) {
      g_first = signal;
      first = Clock::now();
      if (!g_noted) end_stopped();
      continue;
    }
    // Schedulers repeat SIGUSR1, which never means more than it did.
    if (signal == SIGUSR1 || Clock::now() - first < kSameRequest) continue;
    say(fmt::format("{} again: ended at once", name_of(signal)));
    HangWatch::write_end_of_process("stopped");
    ::_exit(128 + signal);
  }
}

}  // namespace

// No handler: one would run on the stack of whatever was interrupted, and oneDNN's matrix product puts its
// workspace, in the middle of the heap, where the stack is wanted.
void prepare_signals() {
  const sigset_t set = requests();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, nullptr);
  sigaction(SIGXFSZ, &ignore, nullptr);  // a write beyond the limit fails with EFBIG then
  static const bool waits = [] {
    std::thread(wait_for_requests).detach();
    return true;
  }();
  static_cast<void>(waits);
}

void note_requests() { g_noted = true; }

bool stop_requested() { return g_first != 0; }

const char* stop_signal() { return name_of(g_first); }

void end_stopped() {
  if (rank_from_launcher() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  say("stopped on request; what was finished is kept");
  HangWatch::write_end_of_process("stopped");
  ::_exit(static_cast<int>(ErrorKind::kStopped));
}

}  // namespace ropeway
