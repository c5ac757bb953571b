// The conformance cases on a world of one and on threads; then what only threads of one process can show:
// that a failing rank releases the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <ostream>
#include <stdexcept>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/core_share.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/reduce.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parallel/comm_cases.h"

namespace ropeway::testing {
namespace {

using ::testing::TestParamInfo;
using ::testing::Values;
using ::testing::ValuesIn;

class Conformance : public ::testing::TestWithParam<CommCase> {};

TEST_P(Conformance, WorldOfOne) { GetParam().run(*make_world_of_one()); }
TEST_P(Conformance, Threads) {
  for (const int size : {1, 2, 3, 4, 8}) {
    SCOPED_TRACE(size);
    run_thread_world(size, GetParam().run);
  }
}
INSTANTIATE_TEST_SUITE_P(All, Conformance, ValuesIn(comm_cases()),
                         [](const TestParamInfo<CommCase>& info) { return info.param.name; });

TEST(ThreadWorld, BarrierHoldsUntilAllAreThere) {
  std::atomic<int> arrived{0};
  run_thread_world(5, [&](Communicator& comm) {
    for (int round = 1; round <= 20; ++round) {
      ++arrived;
      comm.barrier();
      EXPECT_EQ(arrived, 5 * round);
      comm.barrier();
    }
  });
}

// What the other ranks are doing when rank 2 of 4 fails.
struct Waiting {
  const char* name;
  void (*run)(Communicator& comm);
};
std::ostream& operator<<(std::ostream& out, const Waiting& w) { return out << w.name; }
class FailingRank : public ::testing::TestWithParam<Waiting> {};

TEST_P(FailingRank, ReleasesTheOthers) {
  std::atomic<int> released{0};
  try {
    run_thread_world(4, [&](Communicator& comm) {
      if (comm.rank() == 2) fail(ErrorKind::kBadData, "rank 2 cannot go on");
      try {
        GetParam().run(comm);
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kPeer) << e.what();
        ++released;
        throw;
      }
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {  // not the kPeer error of rank 0, which is an echo
    EXPECT_EQ(e.kind(), ErrorKind::kBadData);
    EXPECT_STREQ(e.what(), "rank 2 cannot go on");
  }
  EXPECT_EQ(released, 3);
}

void wait_in_barrier(Communicator& comm) { comm.barrier(); }
void wait_in_all_reduce(Communicator& comm) { all_reduce_sum(comm, 1.0); }
void wait_in_broadcast(Communicator& comm) {
  int value = 0;
  comm.broadcast(&value, sizeof value, 2);
}
void wait_in_reduce_scatter(Communicator& comm) {
  const double values[4] = {};
  double share = 0;
  comm.reduce_scatter(values, &share, 1, DType::kF64, ReduceOp::kSum);
}
void wait_in_all_gather(Communicator& comm) {
  int values[4] = {};
  comm.all_gather(values + comm.rank(), values, sizeof(int));
}
void wait_in_all_to_all(Communicator& comm) {
  int send[4] = {}, recv[4] = {};
  comm.all_to_all(send, recv, sizeof(int));
}
void wait_in_split(Communicator& comm) { comm.split(0, 0); }
// Rank 0 never hears from 3, which waits for 2.
void wait_in_hops(Communicator& comm) {
  int mine = 1, theirs = 0;
  for (int step = 0; step < 4; ++step) {
    comm.start_hop(&mine, (comm.rank() + 1) % 4, &theirs, (comm.rank() + 3) % 4, sizeof mine)->wait();
  }
}
INSTANTIATE_TEST_SUITE_P(All, FailingRank,
                         Values(Waiting{"Barrier", wait_in_barrier}, Waiting{"AllReduce", wait_in_all_reduce},
                                Waiting{"ReduceScatter", wait_in_reduce_scatter},
                                Waiting{"AllGather", wait_in_all_gather},
                                Waiting{"AllToAll", wait_in_all_to_all},
                                Waiting{"Broadcast", wait_in_broadcast}, Waiting{"Split", wait_in_split},
                                Waiting{"Hops", wait_in_hops}),
                         [](const TestParamInfo<Waiting>& info) { return info.param.name; });

TEST(ThreadWorld, FailureReachesRanksWaitingInAnotherGroup) {
  EXPECT_THROW(run_thread_world(4,
                                [](Communicator& comm) {
                                  const auto pair = comm.split(comm.rank() / 2, 0);
                                  if (comm.rank() == 3) throw std::runtime_error("rank 3");
                                  for (;;) comm.rank() == 2 ? comm.barrier() : pair->barrier();
                                }),
               std::runtime_error);
}

TEST(ThreadWorld, FirstFailureByRankIsThrown) {
  try {
    run_thread_world(3, [](Communicator& comm) {
      if (comm.rank() > 0) fail(ErrorKind::kIo, "rank {}", comm.rank());
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "rank 1");
  }
}

TEST(ThreadWorld, RankThatReturnsEarlyReleasesTheOthers) {
  try {
    run_thread_world(3, [](Communicator& comm) {
      if (comm.rank() != 1) comm.barrier();
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kPeer);
  }
}

TEST(ThreadWorld, RankThatReturnsEarlyLeavesHopsOfOthersAlone) {
  run_thread_world(3, [](Communicator& comm) {
    if (comm.rank() == 2) return;
    for (int round = 0; round < 100; ++round) {
      int mine = comm.rank() + round, theirs = -1;
      comm.start_hop(&mine, 1 - comm.rank(), &theirs, 1 - comm.rank(), sizeof mine)->wait();
      EXPECT_EQ(theirs, 1 - comm.rank() + round);
    }
  });
}

// The failing rank unwinds past a hop nobody will ever answer.
TEST(ThreadWorld, HopIsTakenBackWhenItsOwnerFails) {
  try {
    run_thread_world(2, [](Communicator& comm) {
      if (comm.rank() == 0) {
        std::vector<uint8_t> send(1000), recv(1000);
        const auto hop = comm.start_hop(send.data(), 1, recv.data(), 1, 1000);
        fail(ErrorKind::kNumerics, "loss is not finite");
      }
      comm.barrier();
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kNumerics);
  }
}

TEST(ThreadWorld, HopsOfDifferentLengthAreADefect) {
  EXPECT_THROW(run_thread_world(2,
                                [](Communicator& comm) {
                                  const int64_t bytes = 8 + comm.rank();
                                  std::vector<uint8_t> send(bytes), recv(bytes);
                                  const int other = 1 - comm.rank();
                                  comm.start_hop(send.data(), other, recv.data(), other, bytes)->wait();
                                }),
               Error);
}

TEST(Reduce, TypeWithoutArithmeticIsRefused) {
  uint16_t a = 0, b = 0;
  EXPECT_THROW(reduce_into(&a, &b, 1, DType::kBF16, ReduceOp::kSum), Error);
}

CoreSet cores(int begin, int end) {
  CoreSet set;
  for (int core = begin; core < end; ++core) set.set(static_cast<size_t>(core));
  return set;
}

TEST(ShareOfCores, UnboundRanksShareTheHost) {
  EXPECT_EQ(share_of_cores({cores(0, 32)}, 0), 32);
  EXPECT_EQ(share_of_cores(std::vector(4, cores(0, 32)), 3), 8);
  EXPECT_EQ(share_of_cores(std::vector(3, cores(0, 32)), 0), 10);
}

TEST(ShareOfCores, BoundRanksKeepTheirOwn) {
  EXPECT_EQ(share_of_cores({cores(0, 1), cores(1, 2)}, 1), 1);
  // Three ranks on two sockets.
  const std::vector<CoreSet> sockets{cores(0, 16), cores(16, 32), cores(0, 16)};
  EXPECT_EQ(share_of_cores(sockets, 0), 8);
  EXPECT_EQ(share_of_cores(sockets, 1), 16);
}

TEST(ShareOfCores, IsGatheredFromTheRanksOfTheHost) {
  const int all = static_cast<int>(allowed_cores().count());
  run_thread_world(2, [&](Communicator& comm) { EXPECT_EQ(share_of_cores(comm), std::max(1, all / 2)); });
}

TEST(ShareOfCores, IsAtLeastOne) { EXPECT_EQ(share_of_cores(std::vector(8, cores(0, 2)), 5), 1); }

TEST(MpiSession, IsAWorldOfOneWithoutALauncher) {
  MpiSession session;
  EXPECT_FALSE(session.under_launcher());
  EXPECT_EQ(session.world().size(), 1);
  EXPECT_EQ(session.local_rank(), 0);
  EXPECT_EQ(share_of_cores(session.world()), static_cast<int>(allowed_cores().count()));
  EXPECT_FALSE(session.host_name().empty());
  EXPECT_THAT(MpiSession::library_version(), ::testing::MatchesRegex("[A-Za-z ]+[0-9]+\\.[0-9]+.*"));
}

}  // namespace
}  // namespace ropeway::testing
