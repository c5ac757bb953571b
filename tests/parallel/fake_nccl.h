// NCCL without GPUs: ranks are threads of one process and memory is the host's; operations run on the streams
// of a FakeDevice. Follows the rules of NCCL that callers can break: what a group holds begins together, an
// operation ends when the other ranks have theirs, a busy communicator takes no calls, an aborted one none at
// all. Breaking them is recorded in the device's violations().
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parallel/comm/nccl_api.h"
#include "tests/parallel/fake_device.h"

namespace ropeway::testing {

class FakeNccl : public NcclApi {
 public:
  // What goes wrong. Groups of calls are counted over all ranks and communicators, from 0.
  struct Faults {
    bool init_never_ends = false;
    int busy_looks = 0;  // state() says kBusy this many times after each call that may
    int64_t fails_from_group =
        -1;  // this one and all later ones: an asynchronous error on every communicator
    int64_t hangs_from_group = -1;                     // never done, and no error is reported
    std::string why = "remote error: a rank is gone";  // NCCL's text of an asynchronous error
  };

  explicit FakeNccl(FakeDevice& device) : device_(device) {}

  Faults faults;
  void fail();  // an asynchronous error on every communicator, now
  int64_t groups() const { return groups_; }
  int open_comms();  // neither destroyed nor aborted
  int aborted_comms();
  void hold_aborts(bool hold) { aborts_held_ = hold; }  // abort() does not come back meanwhile
  // Nor before so many have begun: to free memory of the device waits for the kernels of every communicator.
  void let_aborts_meet(int count) { aborts_meet_ = count; }

  std::string version() override { return "0.0.0"; }
  NcclUniqueId unique_id() override;
  Comm init(const NcclUniqueId& id, int ranks, int rank) override;
  NcclState state(Comm comm) override;
  void group_start() override;
  void group_end() override;
  void send(const void* data, int64_t bytes, int to, Comm comm, CudaStream stream) override;
  void recv(void* data, int64_t bytes, int from, Comm comm, CudaStream stream) override;
  void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op, Comm comm, CudaStream stream) override;
  void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype, ReduceOp op,
                      Comm comm, CudaStream stream) override;
  void broadcast(void* data, int64_t bytes, int root, Comm comm, CudaStream stream) override;
  void all_gather(const void* send, void* recv, int64_t bytes_per_rank, Comm comm,
                  CudaStream stream) override;
  void finalize(Comm comm) override;
  void destroy(Comm comm) override;
  void abort(Comm comm) override;

 private:
  struct Rank;
  struct Part {  // a call of one rank
    enum class Kind { kSend, kRecv, kReduce, kReduceScatter, kBroadcast, kGather } kind;
    const void* source = nullptr;
    void* target = nullptr;
    int64_t bytes = 0;  // of one rank's share, where the shares differ
    int peer = 0;       // or root
    DType dtype = DType::kU8;
    ReduceOp op = ReduceOp::kSum;
    CudaStream stream = nullptr;
    Rank* owner = nullptr;
    bool done = false;
  };
  using PartPtr = std::shared_ptr<Part>;
  struct Clique {
    int ranks = 0, joined = 0, finalizing = 0;
    bool failed = false;
    std::map<std::pair<int, int>, std::deque<PartPtr>> sends, recvs;  // by (from, to)
    std::vector<std::deque<PartPtr>> collectives;                     // by rank
  };
  struct Rank {
    Clique* clique;
    int rank, busy = 0;
    bool finalizing = false, destroyed = false, aborted = false;
  };

  Rank& use(Comm comm, const char* call);
  void note(Comm comm, const char* call, Part part);
  void post(const PartPtr& part);
  void match(Clique& clique);
  void run_collective(std::vector<PartPtr>& parts);

  FakeDevice& device_;
  std::map<int64_t, std::unique_ptr<Clique>> cliques_;
  std::vector<std::unique_ptr<Rank>> ranks_;
  int64_t ids_ = 0, groups_ = 0;
  std::atomic<bool> aborts_held_{false};
  std::atomic<int> aborts_begun_{0}, aborts_meet_{0};
};

}  // namespace ropeway::testing
