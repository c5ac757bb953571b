// NCCL in one process: the communicators it has joined, and the thread that watches them.
//
// When a rank is lost, its neighbours wait for it in one of NCCL's kernels for ever, and so does everything
// that waits for that kernel. So every communicator is watched: when NCCL reports an error, or neighbours
// keep a transfer waiting for too long, the watching thread aborts all communicators, which ends the kernels.
// The rank's next call here then throws an Error of kind kPeer (exit code 76). A rank that makes no call
// within the grace period, because it waits elsewhere for the same lost neighbour, is ended by the watching
// thread.
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
  double join_seconds = 300;  // for all ranks to join a communicator, and to leave it
  // For a transfer to wait for its neighbours. This rank's computation queued before it does not count,
  // however long: what counts is how far the neighbours are behind. All ranks have the same work, and differ
  // by what their hosts do between the passes (reading a model from slow storage takes longest).
  double hang_seconds = 1800;
  double grace_seconds = 10;  // between an abort and the end of a rank that has not noticed it
  double poll_seconds = 0.1;  // between two looks by the watching thread
  // Ends the job with this exit code (the world's Communicator::abort). Called by the watching thread.
  std::function<void(int exit_code)> end_job = {};
};

class NcclSession {
 public:
  // api and device must outlive the session and all that is made from it.
  NcclSession(NcclApi& api, DeviceQueues& device, NcclOptions options);
  // Does not wait for other ranks: what was not closed is aborted.
  ~NcclSession();
  NcclSession(const NcclSession&) = delete;
  NcclSession& operator=(const NcclSession&) = delete;

  // Collective over `group`, which carries what the ranks need to find each other; all of them have joined
  // when it returns. `name` is for messages. Throws kPeer when they do not join in time.
  std::shared_ptr<internal::NcclChannel> join(Communicator& group, const std::string& name);
  // Throws kPeer if anything has failed. An aborted transfer leaves whatever bytes are there: call this when
  // results have arrived in host memory, before they are used.
  void check();
  bool failed() const;
  // Collective: leaves NCCL in good order, after which nothing may be queued. Not while an error passes.
  void close();
  // For a process that is about to end with an error of its own: leaves NCCL as it is. An abort would wait
  // for all that is queued on the device, perhaps minutes of attention, before the error could be printed,
  // and would free memory that other ranks still read. A session that failed is destroyed as usual.
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
