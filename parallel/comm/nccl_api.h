// The calls of NCCL this program uses, without nccl.h. They are virtual so that streams, events and failures
// can be tested without a GPU (tests/parallel/fake_nccl.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kernels/base/cuda_stream.h"
#include "kernels/base/dtype.h"
#include "parallel/comm/reduce.h"

namespace ropeway {

struct NcclUniqueId {
  std::array<char, 128> bytes{};
};

struct NcclState {
  enum class Kind { kReady, kBusy, kFailed } kind = Kind::kReady;
  std::string why;  // of kFailed
};

// Communicators are non-blocking: init(), group_end() and finalize() may return while the work they began
// goes on. state() is kBusy until it is done, and until then only abort() may be called. A call that NCCL
// refuses throws kInternal for wrong use, kMemory when there is not enough, kPeer for everything else. All
// data is in device memory, and ordered by `stream`.
class NcclApi {
 public:
  using Comm = void*;  // an ncclComm_t

  virtual ~NcclApi() = default;
  virtual std::string version() = 0;
  virtual NcclUniqueId unique_id() = 0;
  virtual Comm init(const NcclUniqueId& id, int ranks, int rank) = 0;  // on the current device
  virtual NcclState state(Comm comm) = 0;

  // Sends and receives between these two calls of one thread are only recorded; they begin together.
  virtual void group_start() = 0;
  virtual void group_end() = 0;
  virtual void send(const void* data, int64_t bytes, int to, Comm comm, CudaStream stream) = 0;
  virtual void recv(void* data, int64_t bytes, int from, Comm comm, CudaStream stream) = 0;
  // As the verbs of Collectives; all_reduce and broadcast in place.
  virtual void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op, Comm comm,
                          CudaStream stream) = 0;
  virtual void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype, ReduceOp op,
                              Comm comm, CudaStream stream) = 0;
  virtual void broadcast(void* data, int64_t bytes, int root, Comm comm, CudaStream stream) = 0;
  virtual void all_gather(const void* send, void* recv, int64_t bytes_per_rank, Comm comm,
                          CudaStream stream) = 0;

  virtual void finalize(Comm comm) = 0;  // waits for the other ranks, see above
  virtual void destroy(Comm comm) = 0;   // when finalize() is done
  // Ends what is in flight without waiting for other ranks; from any thread.
  virtual void abort(Comm comm) = 0;
};

}  // namespace ropeway
