// NCCL in one process: the communicators it has joined, and the thread that watches them.
//
// A rank of NCCL that loses a neighbour waits inside a kernel for ever, and whoever waits for that kernel
// with it. So every communicator is watched: when NCCL reports an error, or a transfer stays in the
// neighbours' hands for too long, the watching thread aborts all communicators, which ends the kernels. The
// rank then learns of it with its next call here, as an Error of kind kPeer (exit code 76). A rank that makes
// no further call within the grace period, because it waits elsewhere for the same lost neighbour, is ended
// by the watching thread.
#pragma once

#include <functional>
#include <memory>

#include "parallel/comm/device_queues.h"
#include "parallel/comm/nccl_api.h"

namespace ropeway {

class Communicator;

namespace internal {
class NcclChannel;
class NcclWatch;
}  // namespace internal

struct NcclOptions {
  double join_seconds = 300;  // for all ranks to join a communicator, and to take leave of it
  // A transfer waits for its neighbours. Own computation queued before it does not count, however long: what
  // counts is how far the neighbours are behind, and the ranks of a job have the same work. They differ by
  // what their hosts do between the passes (reading a model from slow storage is the longest).
  double hang_seconds = 1800;
  double grace_seconds = 10;  // between an abort and the end of a rank that does not notice it
  double poll_seconds = 0.1;  // between two looks of the watching thread
  // Ends the job with this exit code: Communicator::abort of the world. Called from the watching thread.
  std::function<void(int exit_code)> end_job = {};
};

class NcclSession {
 public:
  // api and device must outlive the session and all that is made from it.
  NcclSession(NcclApi& api, DeviceQueues& device, NcclOptions options);
  // Waits for no other rank: what was not closed is aborted.
  ~NcclSession();
  NcclSession(const NcclSession&) = delete;
  NcclSession& operator=(const NcclSession&) = delete;

  // Collective over `group`, over whose host memory the ranks find each other; all its ranks have joined when
  // it returns. `name` is for messages. Throws kPeer when they do not join in time.
  std::shared_ptr<internal::NcclChannel> join(Communicator& group, const std::string& name);
  // Throws kPeer if anything failed so far. An abort ends transfers with whatever bytes are there: to be
  // called when results have arrived in host memory, before they are used.
  void check();
  bool failed() const;
  // Collective: the orderly end, after which nothing may be queued. Not when an error passes.
  void close();
  // For a process that is about to end with an error of its own: NCCL is left as it is. To abort it would
  // wait for all that is queued on the device, minutes of attention perhaps, while the message waits to be
  // printed, and would take memory away that other ranks still read. A session that failed is destroyed as
  // usual.
  static void abandon(std::unique_ptr<NcclSession> session);

  DeviceQueues& device() { return device_; }
  const NcclOptions& options() const { return options_; }

 private:
  NcclApi& api_;
  DeviceQueues& device_;
  NcclOptions options_;
  std::unique_ptr<internal::NcclWatch> watch_;
};

}  // namespace ropeway
