#include "parallel/comm/progress_thread.h"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include <chrono>

namespace ropeway::internal {
namespace {

// Long enough for the other ranks of a crowded core to run, short against a hop of a megabyte.
constexpr long kSleepNanoseconds = 50'000;
constexpr int kYieldsBeforeSleep = 200;

void sleep_a_little() {
  const timespec pause{0, kSleepNanoseconds};
  nanosleep(&pause, nullptr);
}

}  // namespace

void Backoff::pause() {
  if (++looks_ <= kYieldsBeforeSleep) {
    sched_yield();
  } else {
    sleep_a_little();
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

void ProgressThread::add(std::shared_ptr<Transfer> transfer) {
  {
    const std::lock_guard lock(mutex_);
    in_flight_.push_back(std::move(transfer));
  }
  work_.notify_all();
}

void ProgressThread::wait(const Transfer& transfer) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  finished_.wait(lock, [&] { return transfer.done_; });
  --waiting_;
  if (transfer.error_) std::rethrow_exception(transfer.error_);
}

void ProgressThread::wait_briefly(const Transfer& transfer) {
  std::unique_lock lock(mutex_);
  finished_.wait_for(lock, std::chrono::seconds(2), [&] { return transfer.done_; });
}

void ProgressThread::run() {
  prctl(PR_SET_TIMERSLACK, 1000UL);  // the default may double a sleep of 50 us
  Backoff backoff;
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stop_ || !in_flight_.empty(); });
    if (stop_) return;
    const auto transfers = in_flight_;
    const bool somebody_waits = waiting_ > 0;
    lock.unlock();
    struct Finished {
      std::shared_ptr<Transfer> transfer;
      std::exception_ptr error;
    };
    std::vector<Finished> finished;
    for (const auto& transfer : transfers) {
      try {
        if (transfer->poll()) finished.push_back({transfer, nullptr});
      } catch (...) {
        finished.push_back({transfer, std::current_exception()});
      }
    }
    // Yielding pays only while the caller's core is free.
    if (!finished.empty()) {
      backoff.reset();
    } else if (somebody_waits) {
      backoff.pause();
    } else {
      backoff.reset();
      sleep_a_little();
    }
    lock.lock();
    for (const auto& [transfer, error] : finished) {
      transfer->done_ = true;
      transfer->error_ = error;
      std::erase(in_flight_, transfer);
    }
    if (!finished.empty()) finished_.notify_all();
  }
}

}  // namespace ropeway::internal
