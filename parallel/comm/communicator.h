// A group of ranks and the few verbs everything else is written in. The same calling code runs with one rank
// (world_of_one.h), with threads of one process (thread_world.h: tests; an emulated ring), and with MPI
// processes (mpi_session.h).
//
// Every verb but start_hop is collective: all ranks of the group call it in the same order. Data is host
// memory. No verb may be called from two threads of one rank at once.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/base/dtype.h"
#include "parallel/comm/reduce.h"

namespace ropeway {

// A send and a receive in flight. Moves while the caller computes. wait() returns when the received bytes are
// there and the sent buffer may be reused; the destructor waits.
class Hop {
 public:
  virtual ~Hop() = default;
  virtual void wait() = 0;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // In place on data[0..count). Same result, bit for bit, on every rank; for a given group size the order of
  // summation is fixed. F64, F32, I64 and U8.
  virtual void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op) = 0;
  virtual void broadcast(void* data, int64_t bytes, int root) = 0;
  // recv holds size() * bytes_per_rank, in rank order.
  virtual void all_gather(const void* send, void* recv, int64_t bytes_per_rank) = 0;
  virtual void barrier() = 0;
  // Sends to `to` and receives from `from` at once (either may be this rank). At most four hops may be in
  // flight; hops between the same two ranks match in the order they were started.
  [[nodiscard]] virtual std::unique_ptr<Hop> start_hop(const void* send, int to, void* recv, int from,
                                                       int64_t bytes) = 0;
  // Ranks with the same colour form a new group, ordered by key.
  virtual std::unique_ptr<Communicator> split(int colour, int key) = 0;
  // Ends every rank of the job with this exit code; for one rank that cannot go on while others may be
  // waiting.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace ropeway
