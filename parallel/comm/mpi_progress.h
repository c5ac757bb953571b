// Inside header of comm/'s MPI files (includes mpi.h): how requests make progress without burning a core.
//
// Open MPI moves data only inside MPI calls, so a hop posted before a computation would stand still. One
// thread of the process therefore polls the requests of all hops in flight and sleeps in between; with no hop
// in flight it is blocked on a condition variable. MPI's own blocking calls spin; poll_until_done() does not.
#pragma once

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ropeway::internal {

// Throws kPeer with MPI's own text when code is not MPI_SUCCESS.
void check_mpi(int code, const char* what);

// Until the request is complete: first yielding, then sleeping between looks.
void poll_until_done(MPI_Request& request, const char* what);

// The requests of one hop.
struct PendingHop {
  std::vector<MPI_Request> requests;
  bool done = false;  // guarded by the thread's mutex, as is error
  int error = MPI_SUCCESS;
};

class ProgressThread {
 public:
  ProgressThread();
  ~ProgressThread();  // gives hops still in flight up

  void add(std::shared_ptr<PendingHop> hop);
  void wait(const PendingHop& hop);  // throws kPeer
  // Waits for a short while only; false when the hop is still in flight then.
  bool wait_briefly(const PendingHop& hop);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable work_, finished_;
  std::vector<std::shared_ptr<PendingHop>> in_flight_;
  int waiting_ = 0;  // callers in wait(): nothing is being computed, so latency counts
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace ropeway::internal
