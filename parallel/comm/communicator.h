// A group of ranks and the few verbs everything else is written in. The same calling code runs with one rank,
// with threads of one process (tests; an emulated ring), and with MPI processes.
//
// Every verb but start_hop is collective: all ranks of the group call it in the same order. Data is host
// memory. No verb may be called from two threads of one rank at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"

namespace ropeway {

enum class ReduceOp { kSum, kMax, kMin };

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

// A group of one: every verb is a copy or nothing.
std::unique_ptr<Communicator> make_world_of_one();

// Runs body on `size` threads, each with a Communicator of its own over one shared world; returns when all
// have returned. The first exception, by rank, is thrown again here; ranks waiting for the failed one are
// released with kPeer errors.
void run_thread_world(int size, const std::function<void(Communicator&)>& body);

// The MPI job this process is part of. Without a launcher (no mpirun, no srun) world() is a group of one and
// MPI is never initialised. Finalises on destruction unless an exception is passing: then the caller must
// abort().
class MpiSession {
 public:
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  Communicator& world();
  bool under_launcher() const;  // started by mpirun or srun
  int local_rank() const;       // rank among those of the same host (MPI_Comm_split_type)
  std::string host_name() const;
  // True once every rank of the job has called it; false when some have not within `seconds`. For a rank that
  // failed: were all of them stopped by the same error, or is it alone, so that the others must be aborted?
  bool all_arrive(double seconds);
  static std::string library_version();  // "Open MPI 4.1.4"; needs no initialisation

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Conveniences on top of the verbs.
void all_reduce_sum(Communicator& comm, std::span<double> values);
double all_reduce_sum(Communicator& comm, double value);
double all_reduce_max(Communicator& comm, double value);
bool any_rank(Communicator& comm, bool value);  // true on every rank if it is true on one
std::string broadcast_string(Communicator& comm, std::string value, int root = 0);
// Concatenation in rank order of every rank's values (lengths may differ), on every rank.
std::vector<double> all_gather_vector(Communicator& comm, std::span<const double> values);
std::vector<std::string> all_gather_strings(Communicator& comm, const std::string& value);
// Runs work on rank `root` alone; an Error thrown there is thrown on every rank, so that all end with the
// same code.
void run_on_rank(Communicator& comm, int root, const std::function<void()>& work);

}  // namespace ropeway
