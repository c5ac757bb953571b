// Collectives over NCCL, on device memory. Nothing here holds the host up but the making; every verb is queued
// after what is on the caller's stream and before what comes there next.
//
// Two communicators at once are safe only when all ranks queue to them in the same order: the ring and the
// training step do.
#pragma once

#include <memory>

#include "parallel/comm/nccl_session.h"

namespace ropeway {

// Collectives on device memory, in the terms of Communicator. Sums are formed in an order of NCCL's, the same
// on all ranks and in every call on the same machines; unlike Communicator's, kMax and kMin may lose a NaN.
class DeviceGroup {
 public:
  // Collective over `group`. The session must outlive it.
  DeviceGroup(NcclSession& session, Communicator& group);

  int rank() const;
  int size() const;
  void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op, CudaStream compute);
  void broadcast(void* data, int64_t bytes, int root, CudaStream compute);
  void all_gather(const void* send, void* recv, int64_t bytes_per_rank, CudaStream compute);
  void check();  // NcclSession's

 private:
  std::shared_ptr<internal::NcclChannel> channel_;
};

}  // namespace ropeway
