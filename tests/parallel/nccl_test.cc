// The ring and the collectives over NCCL, with the doubles of NCCL and CUDA: order on the streams, results,
// and how a failure comes to its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "kernels/base/error.h"
#include "parallel/comm/nccl_ring.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parallel/fake_nccl.h"
#include "tests/parallel/ring_order_cases.h"

namespace ropeway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The watching thread looks often, and nothing ends the test program.
NcclOptions options_for_tests() {
  return {.join_seconds = 20,
          .hang_seconds = 20,
          .grace_seconds = 20,
          .poll_seconds = 0.005,
          .end_job = [](int code) { ADD_FAILURE() << "the job is ended with " << code; }};
}

struct Machine {
  FakeDevice device;
  FakeNccl nccl{device};

  std::unique_ptr<NcclSession> session(const NcclOptions& options = options_for_tests()) {
    return std::make_unique<NcclSession>(nccl, device, options);
  }
};

// Runs body on `ranks` threads with a session each.
void run_sessions(Machine& machine, int ranks, const NcclOptions& options,
                  const std::function<void(Communicator&, NcclSession&)>& body) {
  run_thread_world(ranks, [&](Communicator& comm) {
    const auto session = machine.session(options);
    body(comm, *session);
  });
}

TEST(NcclRing, HopsKeepTheirOrder) {
  for (const int ranks : {1, 2, 3, 8}) {
    for (const int busy_looks : {0, 3}) {
      Machine machine;
      machine.nccl.faults.busy_looks = busy_looks;
      std::vector<std::unique_ptr<NcclSession>> sessions;
      for (int r = 0; r < ranks; ++r) sessions.push_back(machine.session());
      hops_keep_their_order(ranks, 9, machine.device, [&](Communicator& c, const CurrentStream& stream) {
        return nccl_ring_links(*sessions[static_cast<size_t>(c.rank())], c, stream);
      });
    }
  }
}

TEST(NcclRing, EventsGoRound) {
  Machine machine;
  std::vector<std::unique_ptr<NcclSession>> sessions;
  for (int r = 0; r < 2; ++r) sessions.push_back(machine.session());
  hops_keep_their_order(2, 300, machine.device, [&](Communicator& c, const CurrentStream& stream) {
    return nccl_ring_links(*sessions[static_cast<size_t>(c.rank())], c, stream);
  });
}

TEST(NcclRing, KeysAndGradientsHaveCommunicatorsOfTheirOwn) {
  Machine machine;
  run_sessions(machine, 3, options_for_tests(), [&](Communicator& comm, NcclSession& session) {
    const RingLinks links = nccl_ring_links(session, comm, always(nullptr));
    comm.barrier();
    EXPECT_EQ(machine.nccl.open_comms(), 2 * 3);
    comm.barrier();
  });
}

// Both neighbours have met, on both ways, before the links are handed out.
TEST(NcclRing, NeighboursAreWarmedUp) {
  Machine machine;
  run_sessions(machine, 4, options_for_tests(), [&](Communicator& comm, NcclSession& session) {
    const RingLinks links = nccl_ring_links(session, comm, always(nullptr));
    comm.barrier();
    EXPECT_EQ(machine.nccl.groups(), 2 * 4);
    comm.barrier();
  });
}

TEST(NcclRing, NothingIsMadePerHop) {
  Machine machine;
  run_sessions(machine, 2, options_for_tests(), [&](Communicator& comm, NcclSession& session) {
    const RingLinks links = nccl_ring_links(session, comm, always(nullptr));
    comm.barrier();
    const int64_t before = machine.device.created();
    std::vector<char> a(64), b(64);
    for (int hop = 0; hop < 10; ++hop) links.keys->start(a.data(), b.data(), 64)->wait();
    comm.barrier();
    EXPECT_EQ(machine.device.created(), before);
  });
}

// Rank 0 goes through a whole hop while rank 1 waits for it at the barrier before its own: only the stream
// waits.
TEST(NcclRing, HopDoesNotHoldTheHostUp) {
  Machine machine;
  run_sessions(machine, 2, options_for_tests(), [&](Communicator& comm, NcclSession& session) {
    const CudaStream compute = machine.device.create_stream();
    const RingLinks links = nccl_ring_links(session, comm, always(compute));
    std::vector<char> a(64), b(64);
    if (comm.rank() == 1) comm.barrier();
    links.keys->start(a.data(), b.data(), 64)->wait();
    if (comm.rank() == 0) comm.barrier();
    comm.barrier();
    if (comm.rank() == 0) machine.device.drain();
    comm.barrier();
  });
  EXPECT_THAT(machine.device.violations(), IsEmpty());
}

// --- failures

// The kPeer errors of all ranks while they hop for ever.
std::vector<std::string> errors_of_hopping_ranks(Machine& machine, int ranks, const NcclOptions& options) {
  std::vector<std::string> messages(static_cast<size_t>(ranks));
  try {
    run_sessions(machine, ranks, options, [&](Communicator& comm, NcclSession& session) {
      try {
        const RingLinks links = nccl_ring_links(session, comm, always(nullptr));
        std::vector<char> a(64), b(64);
        for (;;) links.keys->start(a.data(), b.data(), 64)->wait();
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kPeer);
        EXPECT_EQ(e.exit_code(), 76);
        messages[static_cast<size_t>(comm.rank())] = e.what();
        throw;
      }
    });
    ADD_FAILURE() << "no error";
  } catch (const Error&) {
  }
  EXPECT_EQ(machine.nccl.open_comms(), 0);
  EXPECT_GT(machine.nccl.aborted_comms(), 0);
  EXPECT_THAT(machine.device.violations(), IsEmpty());
  return messages;
}

TEST(NcclFailure, JoiningThatNeverEnds) {
  Machine machine;
  machine.nccl.faults.init_never_ends = true;
  NcclOptions options = options_for_tests();
  options.join_seconds = 0.1;
  for (const std::string& message : errors_of_hopping_ranks(machine, 3, options)) {
    EXPECT_THAT(message, HasSubstr("joining 3 ranks (keys and values) takes longer than 0.1 s"));
  }
}

TEST(NcclFailure, RankThatDoesNotJoin) {
  Machine machine;
  NcclOptions options = options_for_tests();
  options.join_seconds = 0.1;
  EXPECT_THROW(run_sessions(machine, 2, options,
                            [&](Communicator& comm, NcclSession& session) {
                              if (comm.rank() == 1) {
                                NcclUniqueId id;
                                run_on_rank(comm, 0,
                                            [] {});  // takes part in the bootstrap, and then does not join
                                comm.broadcast(id.bytes.data(), static_cast<int64_t>(id.bytes.size()), 0);
                                comm.barrier();
                                return;
                              }
                              try {
                                nccl_ring_links(session, comm, always(nullptr));
                              } catch (...) {
                                comm.barrier();
                                throw;
                              }
                            }),
               Error);
  EXPECT_EQ(machine.nccl.open_comms(), 0);
}

TEST(NcclFailure, ErrorOfARemoteRank) {
  Machine machine;
  machine.nccl.faults.fails_from_group = 40;
  for (const std::string& message : errors_of_hopping_ranks(machine, 4, options_for_tests())) {
    EXPECT_THAT(message, HasSubstr("remote error: a rank is gone"));
  }
}

TEST(NcclFailure, TransferThatHangs) {
  Machine machine;
  machine.nccl.faults.hangs_from_group = 40;
  NcclOptions options = options_for_tests();
  options.hang_seconds = 0.1;
  for (const std::string& message : errors_of_hopping_ranks(machine, 4, options)) {
    EXPECT_THAT(message, HasSubstr("has waited for its neighbours for 0.1 s"));
  }
}

// A transfer whose computation takes long is not one that hangs.
TEST(NcclFailure, LongComputationIsNone) {
  Machine machine;
  NcclOptions options = options_for_tests();
  options.hang_seconds = 0.05;
  run_sessions(machine, 2, options, [&](Communicator& comm, NcclSession& session) {
    const CudaStream compute = machine.device.create_stream();
    const RingLinks links = nccl_ring_links(session, comm, always(compute));
    std::atomic<bool> computed{false};
    machine.device.queue(compute, [&] { return computed.load(); });
    std::vector<char> a(64), b(64);
    links.keys->start(a.data(), b.data(), 64)->wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_NO_THROW(session.check());
    comm.barrier();
    computed = true;
    machine.device.drain();
    comm.barrier();
  });
}

// What the job is ended with, 0 if not at all, when a failure comes while the rank does something else;
// afterwards the rank may make a call that tells it.
int ended_with(bool rank_makes_a_call) {
  Machine machine;
  std::atomic<int> code{0};
  NcclOptions options = options_for_tests();
  options.grace_seconds = 0.2;
  options.end_job = [&](int c) { code = c; };
  const auto alone = make_world_of_one();
  const auto session = machine.session(options);
  const RingLinks links = nccl_ring_links(*session, *alone, always(nullptr));
  machine.nccl.fail();
  while (machine.nccl.open_comms() > 0) std::this_thread::yield();  // aborted by the watching thread
  if (rank_makes_a_call) {
    EXPECT_THROW(session->check(), Error);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  return code;
}

TEST(NcclFailure, RankThatDoesNotNoticeIsEnded) { EXPECT_EQ(ended_with(false), 76); }
TEST(NcclFailure, RankThatNoticesIsNot) { EXPECT_EQ(ended_with(true), 0); }

TEST(NcclFailure, AbortThatHangsDoesNotHoldTheEndUp) {
  Machine machine;
  std::atomic<int> code{0};
  NcclOptions options = options_for_tests();
  options.grace_seconds = 0.05;
  options.end_job = [&](int c) {
    code = c;
    machine.nccl.hold_aborts(false);  // stands for the end of the process
  };
  const auto alone = make_world_of_one();
  auto session = machine.session(options);
  const RingLinks links = nccl_ring_links(*session, *alone, always(nullptr));
  machine.nccl.hold_aborts(true);
  session.reset();
  EXPECT_EQ(code, 76);
}

// The end of one communicator may wait for the kernels of the other.
TEST(NcclFailure, AllCommunicatorsAreAbortedTogether) {
  Machine machine;
  machine.nccl.let_aborts_meet(2);
  const auto alone = make_world_of_one();
  const auto session = machine.session();
  const RingLinks links = nccl_ring_links(*session, *alone, always(nullptr));
  machine.nccl.fail();
  while (machine.nccl.open_comms() > 0) std::this_thread::yield();
  EXPECT_EQ(machine.nccl.aborted_comms(), 2);
  EXPECT_THROW(session->check(), Error);
}

TEST(NcclFailure, AbandonedSessionIsLeftAsItIs) {
  Machine machine;
  const auto alone = make_world_of_one();
  auto session = machine.session();
  const RingLinks links = nccl_ring_links(*session, *alone, always(nullptr));
  NcclSession::abandon(std::move(session));
  EXPECT_EQ(machine.nccl.open_comms(), 2);
}

TEST(NcclFailure, NoMemoryIsSaidAsSuch) {
  Machine machine;
  machine.nccl.faults.why = "unhandled cuda error: Cuda failure 2 'out of memory'";
  const auto alone = make_world_of_one();
  const auto session = machine.session();
  const RingLinks links = nccl_ring_links(*session, *alone, always(nullptr));
  machine.nccl.fail();
  while (!session->failed()) std::this_thread::yield();
  try {
    session->check();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kMemory);
  }
}

// Rank 0 leaves without close() while rank 1 is still there: nothing to wait for.
TEST(NcclFailure, DestructorWaitsForNobody) {
  Machine machine;
  run_thread_world(2, [&](Communicator& comm) {
    auto session = machine.session();
    const CudaStream compute = machine.device.create_stream();
    const RingLinks links = nccl_ring_links(*session, comm, always(compute));
    std::vector<char> a(64), b(64);
    if (comm.rank() == 0) {
      links.keys->start(a.data(), b.data(), 64)->wait();
      session.reset();
    }
    comm.barrier();
  });
  EXPECT_EQ(machine.nccl.open_comms(), 0);
  EXPECT_EQ(machine.nccl.aborted_comms(), 4);
}

}  // namespace
}  // namespace ropeway::testing
