// One NCCL communicator with a side stream of its own: an inside header of comm/. Used by one thread of the
// rank and by the watching thread: every call of NCCL on the communicator is made under the mutex, none of
// them waits, and none is made once it is aborted.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "kernels/base/error.h"
#include "parallel/comm/hop_queue.h"
#include "parallel/comm/nccl_session.h"

namespace ropeway::internal {

// What the channels of a session share: the first failure. Outlives them.
class NcclFailure {
 public:
  void set(const Error& error);  // the first one stays
  std::optional<Error> error() const;
  void throw_if_set();  // the rank knows of it then
  bool noticed() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  bool noticed_ = false;
};

class NcclChannel {
 public:
  using Calls = std::function<void(NcclApi& api, NcclApi::Comm comm, CudaStream stream)>;

  // Not joined yet, so that the watching thread knows of it first. Whoever watches ends it: the destructor
  // does not.
  NcclChannel(NcclApi& api, DeviceQueues& device, NcclFailure& failure, const NcclOptions& options,
              Communicator& group, std::string name);
  void join(Communicator& group);

  int rank() const { return rank_; }
  int size() const { return size_; }
  void check() { failure_.throw_if_set(); }

  // Queues one group of calls: on the side stream, after all that is on `compute` now. Returns the event
  // behind them.
  CudaEvent queue(CudaStream compute, const Calls& calls);
  // The same for a send and a receive.
  CudaEvent queue_hop(CudaStream compute, const void* send, int to, void* recv, int from, int64_t bytes);
  void follow(CudaStream compute, CudaEvent event);    // `compute` waits; the host does not
  void wait_on_host(CudaEvent event, double seconds);  // for set-up only; throws kPeer when it takes longer

  void close();
  // Of the watching thread. look() reports a failure to the session, abort() ends what is in flight.
  void look();
  bool is_open();
  void abort();

 private:
  using Clock = std::chrono::steady_clock;
  void poll_until(const std::function<bool()>& done, double seconds, const std::string& what);
  bool settled();  // under the mutex: NCCL has done what the last call began

  NcclApi& api_;
  DeviceQueues& device_;
  NcclFailure& failure_;
  const NcclOptions& options_;
  const std::string name_;
  const int rank_, size_;
  std::mutex mutex_;
  HopQueue hops_;
  NcclApi::Comm comm_ = nullptr;  // null before init and once it was given to abort or destroy
  HopQueue::Oldest stuck_;        // what look() saw last, and since when
  Clock::time_point stuck_since_;
};

}  // namespace ropeway::internal
