// The conformance cases of Collectives on one rank, on threads, and over the doubles of NCCL and CUDA; then what
// only device memory has: verbs that are put in order by the current stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "parallel/comm/device_of_one.h"
#include "parallel/comm/nccl_collectives.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parallel/collectives_cases.h"
#include "tests/parallel/fake_nccl.h"

namespace ropeway::testing {
namespace {

using ::testing::IsEmpty;

// Memory of the double, which forgets who touched it when it is released.
class FakeMemory : public CaseMemory {
 public:
  explicit FakeMemory(FakeDevice& device) : device_(device) {}
  std::shared_ptr<void> allocate(int64_t bytes) override {
    return {device_.allocate(bytes + 1), [&device = device_](void* memory) { device.release(memory); }};
  }

 private:
  FakeDevice& device_;
};

NcclOptions nothing_ends_the_job() {
  return {.poll_seconds = 0.005,
          .end_job = [](int code) { ADD_FAILURE() << "the job is ended with " << code; }};
}

class CollectivesConformance : public ::testing::TestWithParam<CollectivesCase> {};

TEST_P(CollectivesConformance, WorldOfOne) {
  CaseMemory memory;
  GetParam().run(*make_world_of_one(), memory);
}

TEST_P(CollectivesConformance, Threads) {
  for (const int ranks : {1, 2, 3, 4, 8}) {
    SCOPED_TRACE(ranks);
    run_thread_world(ranks, [](Communicator& comm) {
      CaseMemory memory;
      GetParam().run(comm, memory);
    });
  }
}

TEST_P(CollectivesConformance, DeviceOfOne) {
  FakeDevice device;
  FakeMemory memory(device);
  GetParam().run(*make_device_of_one(device, always(nullptr)), memory);
  EXPECT_THAT(device.violations(), IsEmpty());
}

TEST_P(CollectivesConformance, Nccl) {
  for (const int ranks : {1, 2, 3, 5}) {
    for (const int busy_looks : {0, 2}) {
      SCOPED_TRACE(ranks);
      FakeDevice device;
      FakeNccl nccl(device);
      nccl.faults.busy_looks = busy_looks;
      run_thread_world(ranks, [&](Communicator& comm) {
        NcclSession session(nccl, device, nothing_ends_the_job());
        const auto group = nccl_collectives(session, comm, always(nullptr));
        EXPECT_EQ(group->rank(), comm.rank());
        EXPECT_EQ(group->size(), ranks);
        FakeMemory memory(device);
        GetParam().run(*group, memory);
        session.close();
      });
      EXPECT_THAT(device.violations(), IsEmpty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CollectivesConformance, ::testing::ValuesIn(collectives_cases()),
                         [](const ::testing::TestParamInfo<CollectivesCase>& info) {
                           return info.param.name;
                         });

constexpr int64_t kElement = sizeof(int64_t);

// A verb over send and recv [P], both of which hold 100 * rank + i on every rank, and what recv[index] then is.
struct QueuedVerb {
  const char* name;
  void (*run)(Collectives& group, int64_t* send, int64_t* recv);
  int64_t (*expected)(int64_t rank, int64_t ranks);
  bool last = true;  // index: P - 1, or 0
};
std::ostream& operator<<(std::ostream& out, const QueuedVerb& v) { return out << v.name; }

const QueuedVerb kQueuedVerbs[] = {
    {"AllReduce",
     [](Collectives& g, int64_t*, int64_t* recv) {
       g.all_reduce(recv, g.size(), DType::kI64, ReduceOp::kSum);
     },
     [](int64_t, int64_t n) { return 100 * (n * (n - 1) / 2) + n * (n - 1); }},
    {"ReduceScatter",
     [](Collectives& g, int64_t* send, int64_t* recv) {
       g.reduce_scatter(send, recv, 1, DType::kI64, ReduceOp::kSum);
     },
     [](int64_t rank, int64_t n) { return 100 * (n * (n - 1) / 2) + n * rank; }, false},
    {"AllGather", [](Collectives& g, int64_t* send, int64_t* recv) { g.all_gather(send, recv, kElement); },
     [](int64_t, int64_t n) { return 100 * (n - 1); }},
    {"AllToAll", [](Collectives& g, int64_t* send, int64_t* recv) { g.all_to_all(send, recv, kElement); },
     [](int64_t rank, int64_t n) { return 100 * (n - 1) + rank; }},
    {"Broadcast",
     [](Collectives& g, int64_t*, int64_t* recv) { g.broadcast(recv, g.size() * kElement, g.size() - 1); },
     [](int64_t, int64_t n) { return 100 * (n - 1) + n - 1; }},
    {"Hop",
     [](Collectives& g, int64_t* send, int64_t* recv) {
       const int n = g.size();
       g.start_hop(send, (g.rank() + 1) % n, recv, (g.rank() + n - 1) % n, n * kElement)->wait();
     },
     [](int64_t rank, int64_t n) { return 100 * ((rank + n - 1) % n) + n - 1; }},
};

// In each round another stream is current: send and recv are computed on it, the verb is called, the result is
// read on it and the buffers are overwritten there.
void check_order_on_streams(Collectives& group, CudaStream& current, FakeDevice& device,
                            const QueuedVerb& verb, const std::function<void()>& finish) {
  const int64_t rank = group.rank(), ranks = group.size();
  const int64_t index = verb.last ? ranks - 1 : 0;
  std::vector<int64_t> seen;
  std::vector<std::vector<int64_t>> buffers(6, std::vector<int64_t>(static_cast<size_t>(ranks)));
  for (size_t round = 0; round < 3; ++round) {
    current = device.create_stream();
    int64_t *const send = buffers[2 * round].data(), *const recv = buffers[2 * round + 1].data();
    for (int64_t* const values : {send, recv}) {
      device.touch(current, values, ranks * kElement, Access::kWrite);
      device.queue(current, [=] {
        for (int64_t i = 0; i < ranks; ++i) values[i] = 100 * rank + i;
        return true;
      });
    }
    verb.run(group, send, recv);
    device.touch(current, recv, ranks * kElement, Access::kRead);
    device.queue(current, [&seen, recv, index] {
      seen.push_back(recv[index]);
      return true;
    });
    device.touch(current, send, ranks * kElement, Access::kWrite);
    device.queue(current, [=] {
      std::fill(send, send + ranks, -1);
      return true;
    });
    finish();
  }
  EXPECT_EQ(seen, std::vector<int64_t>(3, verb.expected(rank, ranks)));
}

class QueuedCollectives : public ::testing::TestWithParam<QueuedVerb> {};

TEST_P(QueuedCollectives, FollowTheStreamThatIsCurrent) {
  for (const int ranks : {1, 2, 4}) {
    SCOPED_TRACE(ranks);
    FakeDevice device;
    FakeNccl nccl(device);
    run_thread_world(ranks, [&](Communicator& comm) {
      NcclSession session(nccl, device, nothing_ends_the_job());
      CudaStream current = nullptr;
      const auto group = nccl_collectives(session, comm, [&] { return current; });
      const auto finish = [&] {
        comm.barrier();
        if (comm.rank() == 0) device.drain();
        comm.barrier();
      };
      check_order_on_streams(*group, current, device, GetParam(), finish);
      session.close();
    });
    EXPECT_THAT(device.violations(), IsEmpty());
  }
}

TEST_P(QueuedCollectives, OfOneRankFollowTheStreamThatIsCurrent) {
  FakeDevice device;
  CudaStream current = nullptr;
  const auto group = make_device_of_one(device, [&] { return current; });
  check_order_on_streams(*group, current, device, GetParam(), [&] { device.drain(); });
  EXPECT_THAT(device.violations(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, QueuedCollectives, ::testing::ValuesIn(kQueuedVerbs),
                         [](const ::testing::TestParamInfo<QueuedVerb>& info) { return info.param.name; });

TEST(NcclCollectives, CheckReportsAFailureThatCameLater) {
  FakeDevice device;
  FakeNccl nccl(device);
  const auto alone = make_world_of_one();
  NcclSession session(nccl, device, {.grace_seconds = 20, .poll_seconds = 0.005, .end_job = [](int) {}});
  const auto group = nccl_collectives(session, *alone, always(nullptr));
  EXPECT_NO_THROW(group->check());
  nccl.fail();
  while (!session.failed()) std::this_thread::yield();
  try {
    group->check();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kPeer);
  }
}

}  // namespace
}  // namespace ropeway::testing
