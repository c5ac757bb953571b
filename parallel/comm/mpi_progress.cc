#include "parallel/comm/mpi_progress.h"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "kernels/base/error.h"

namespace ropeway::internal {
namespace {

// Long enough for other ranks on the same core to run, short against a hop of a megabyte.
constexpr long kPollNanoseconds = 50'000;
constexpr int kYieldsBeforeSleep = 200;

void sleep_a_little() {
  const timespec pause{0, kPollNanoseconds};
  nanosleep(&pause, nullptr);
}

}  // namespace

void check_mpi(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail(ErrorKind::kPeer, "MPI {}: {}", what, std::string(text, static_cast<size_t>(length)));
}

void poll_until_done(MPI_Request& request, const char* what) {
  for (int looks = 0;; ++looks) {
    int done = 0;
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), what);
    if (done) return;
    if (looks < kYieldsBeforeSleep) {
      sched_yield();
    } else {
      sleep_a_little();
    }
  }
}

ProgressThread::ProgressThread() : thread_([this] { run(); }) {}

ProgressThread::~ProgressThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  thread_.join();
}

void ProgressThread::add(std::shared_ptr<PendingHop> hop) {
  {
    const std::lock_guard lock(mutex_);
    in_flight_.push_back(std::move(hop));
  }
  work_.notify_all();
}

void ProgressThread::wait(const PendingHop& hop) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  finished_.wait(lock, [&] { return hop.done; });
  --waiting_;
  const int error = hop.error;
  lock.unlock();
  check_mpi(error, "send or receive of a hop");
}

bool ProgressThread::wait_briefly(const PendingHop& hop) {
  std::unique_lock lock(mutex_);
  return finished_.wait_for(lock, std::chrono::seconds(2), [&] { return hop.done; });
}

void ProgressThread::run() {
  prctl(PR_SET_TIMERSLACK, 1000UL);  // the default rounds a sleep of 50 us up to twice that
  std::unique_lock lock(mutex_);
  int looks = 0;
  for (;;) {
    work_.wait(lock, [&] { return stop_ || !in_flight_.empty(); });
    if (stop_) return;
    const auto hops = in_flight_;
    const bool hurry = waiting_ > 0 && looks < kYieldsBeforeSleep;
    lock.unlock();
    std::vector<std::shared_ptr<PendingHop>> finished;
    for (const auto& hop : hops) {
      int done = 0;
      const int code = MPI_Testall(static_cast<int>(hop->requests.size()), hop->requests.data(), &done,
                                   MPI_STATUSES_IGNORE);
      if (code != MPI_SUCCESS) hop->error = code;  // read by others only after done is set under the mutex
      if (done || code != MPI_SUCCESS) finished.push_back(hop);
    }
    if (finished.empty()) {
      ++looks;
      if (hurry) {
        sched_yield();
      } else {
        sleep_a_little();
      }
    } else {
      looks = 0;
    }
    lock.lock();
    for (const auto& hop : finished) {
      hop->done = true;
      std::erase(in_flight_, hop);
    }
    if (!finished.empty()) finished_.notify_all();
  }
}

}  // namespace ropeway::internal
