// Internal to comm/: one NCCL communicator with a side stream of its own. It is used by one thread of the
// rank and by the watching thread: every NCCL call on the communicator is made under the mutex, none of them
// waits, and none is made after an abort.
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

// The first failure among the channels of a session. Outlives the channels.
class NcclFailure {
 public:
  void set(const Error& error);  // later ones are ignored
  std::optional<Error> error() const;
  void throw_if_set();  // from then on noticed()
  bool noticed() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  bool noticed_ = false;
};

class NcclChannel {
 public:
  using Calls = std::function<void(NcclApi& api, NcclApi::Comm comm, CudaStream stream)>;

  // Does not join yet: the watching thread must know of the channel first. The destructor ends nothing; that
  // is for close() or the watching thread's abort().
  NcclChannel(NcclApi& api, DeviceQueues& device, NcclFailure& failure, const NcclOptions& options,
              Communicator& group, std::string name);
  void join(Communicator& group);

  int rank() const { return rank_; }
  int size() const { return size_; }
  void check() { failure_.throw_if_set(); }

  // Queues one group of calls on the side stream, after what is queued on `compute`. Returns the event behind
  // them.
  CudaEvent queue(CudaStream compute, const Calls& calls);
  // The same for a send and a receive.
  CudaEvent queue_hop(CudaStream compute, const void* send, int to, void* recv, int from, int64_t bytes);
  void follow(CudaStream compute, CudaEvent event);    // `compute` waits; the host does not
  void wait_on_host(CudaEvent event, double seconds);  // for set-up only; throws kPeer on timeout

  void close();
  // For the watching thread. look() reports a failure to the session, abort() ends what is in flight.
  void look();
  bool is_open();
  void abort();

 private:
  using Clock = std::chrono::steady_clock;
  void poll_until(const std::function<bool()>& done, double seconds, const std::string& what);
  bool settled();  // call under the mutex: whether NCCL has done what the last call began

  NcclApi& api_;
  DeviceQueues& device_;
  NcclFailure& failure_;
  const NcclOptions& options_;
  const std::string name_;
  const int rank_, size_;
  std::mutex mutex_;
  HopQueue hops_;
  NcclApi::Comm comm_ = nullptr;  // null before init, and once passed to abort or destroy
  HopQueue::Oldest stuck_;        // what look() last saw, and since when
  Clock::time_point stuck_since_;
};

}  // namespace ropeway::internal
