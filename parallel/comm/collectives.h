// What the ranks of a group do with their data together, in host memory or in device memory: one signature
// for both. In host memory the group is a Communicator (communicator.h: one rank, threads, MPI); in device
// memory it is NCCL's (nccl_collectives.h), or the copies of a single rank (device_of_one.h).
//
// P = size() ranks. Every verb but start_hop is collective: all ranks call it in the same order and with the
// same counts. No verb may be called from two threads of one rank at once.
//
// When the results are there:
//   host memory    when the verb returns.
//   device memory  on the stream that is current when the verb is called. The verb begins after what is
//                  queued on it by then; what is queued on it afterwards finds the results, and may overwrite
//                  what was sent. The host is not held up.
//
// Sums: all ranks get the same bits, and the same call on the same machines gives them again.
//   host memory    F64, F32, I64, U8. Added in rank order, ((x0 + x1) + x2) + ..., whatever the count, so a
//                  share of reduce_scatter has the bits of all_reduce. U8 wraps at 256. kMax and kMin hand a
//                  NaN on.
//   device memory  BF16 too. Added in NCCL's order, which depends on count, ranks and machines. kMax and kMin
//                  may lose a NaN.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/base/dtype.h"
#include "parallel/comm/reduce.h"

namespace ropeway {

// A send and a receive in flight. They move while the caller computes.
class Hop {
 public:
  // In host memory the destructor waits. In device memory a hop may be dropped without wait() only by a rank
  // that fails: the caller's stream would not be ordered behind it.
  virtual ~Hop() = default;
  // The received bytes are there and the sent buffer may be reused: see "when the results are there".
  virtual void wait() = 0;
};

class Collectives {
 public:
  virtual ~Collectives() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // data [count], in place: op over the ranks, element by element.
  virtual void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op) = 0;
  // send [P, count_per_rank], recv [count_per_rank]: rank r gets op over all ranks' send[r]. recv may be the
  // own row of send; otherwise they do not overlap, and send stays as it is.
  virtual void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype,
                              ReduceOp op) = 0;
  // send [bytes_per_rank], recv [P, bytes_per_rank]: row r is what rank r sent. send may be the own row of
  // recv; otherwise they do not overlap.
  virtual void all_gather(const void* send, void* recv, int64_t bytes_per_rank) = 0;
  // send, recv [P, bytes_per_rank], which do not overlap: row r of send goes to rank r, row r of recv came
  // from rank r.
  virtual void all_to_all(const void* send, void* recv, int64_t bytes_per_rank) = 0;
  // data [bytes]: every rank gets root's.
  virtual void broadcast(void* data, int64_t bytes, int root) = 0;

  // Sends `bytes` to rank `to` and receives as many from rank `from`; either may be this rank. At most four
  // hops may be in flight. Hops between the same two ranks match in the order in which they were started; in
  // device memory all ranks must start the hops of a group in one order, as they call the collective verbs.
  [[nodiscard]] virtual std::unique_ptr<Hop> start_hop(const void* send, int to, void* recv, int from,
                                                       int64_t bytes) = 0;

  // Throws kPeer if a verb failed after it had returned, as it can in device memory: its results may then be
  // anything. Call this when results have arrived in host memory, before they are used.
  virtual void check() {}
};

// For callers that share ownership: `group` must outlive the pointer and its copies.
inline std::shared_ptr<Collectives> unowned(Collectives& group) { return {std::shared_ptr<void>(), &group}; }

}  // namespace ropeway
