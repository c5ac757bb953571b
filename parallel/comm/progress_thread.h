// Internal to comm/: a thread that moves transfers along while their owner computes.
//
// MPI moves data only inside MPI calls, so a hop posted before a computation would stand still. This thread
// polls all transfers in flight and sleeps in between; with none in flight it is blocked on a condition
// variable.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ropeway::internal {

class Transfer {
 public:
  virtual ~Transfer() = default;
  virtual bool poll() = 0;  // true when complete; called from the progress thread only

 private:
  friend class ProgressThread;
  bool done_ = false;  // guarded by the progress thread's mutex, as is error_
  std::exception_ptr error_;
};

// How to wait between two looks at something that is not complete: yields at first, then sleeps about 50 us.
class Backoff {
 public:
  void pause();
  void reset() { looks_ = 0; }

 private:
  int looks_ = 0;
};

class ProgressThread {
 public:
  ProgressThread();
  ~ProgressThread();  // transfers still in flight are given up

  void add(std::shared_ptr<Transfer> transfer);
  void wait(const Transfer& transfer);          // throws what poll() threw
  void wait_briefly(const Transfer& transfer);  // at most two seconds, throws nothing

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable work_, finished_;
  std::vector<std::shared_ptr<Transfer>> in_flight_;
  int waiting_ = 0;  // callers in wait(): their core is free and latency counts
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ropeway::internal
