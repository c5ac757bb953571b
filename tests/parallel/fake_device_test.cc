// That the doubles of CUDA and NCCL find what they are there to find.
#include "tests/parallel/fake_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/parallel/fake_nccl.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two ranks of NCCL in one thread, each with a stream for computing and a side stream. Rank 0 sends what it
// has computed, rank 1 uses it; what the events between them are is up to the test.
class TwoRanks : public ::testing::Test {
 protected:
  struct Rank {
    CudaStream compute, side;
    CudaEvent ready, done;
    NcclApi::Comm comm;
    std::array<char, 8> buffer{};
  };

  TwoRanks() {
    const NcclUniqueId id = nccl.unique_id();
    for (int r = 0; r < 2; ++r) {
      ranks[r] = {device.create_stream(), device.create_stream(), device.create_event(),
                  device.create_event(), nccl.init(id, 2, r)};
    }
  }

  void compute(Rank& rank, Access access) {
    device.touch(rank.compute, rank.buffer.data(), 8, access);
    device.queue(rank.compute, [&rank, access] {
      if (access == Access::kWrite) rank.buffer.fill('x');
      return true;
    });
  }
  void after_compute(Rank& rank) {
    device.record(rank.ready, rank.compute);
    device.wait(rank.side, rank.ready);
  }
  void transfer(Rank& rank) {
    nccl.group_start();
    if (&rank == &ranks[0]) nccl.send(rank.buffer.data(), 8, 1, rank.comm, rank.side);
    if (&rank == &ranks[1]) nccl.recv(rank.buffer.data(), 8, 0, rank.comm, rank.side);
    nccl.group_end();
    device.record(rank.done, rank.side);
  }

  FakeDevice device;
  FakeNccl nccl{device};
  std::array<Rank, 2> ranks;
};

TEST_F(TwoRanks, RightOrderIsAccepted) {
  compute(ranks[0], Access::kWrite);
  for (Rank& rank : ranks) {
    after_compute(rank);
    transfer(rank);
    device.wait(rank.compute, rank.done);
  }
  compute(ranks[1], Access::kRead);
  compute(ranks[0], Access::kWrite);
  device.drain();
  EXPECT_THAT(device.violations(), IsEmpty());
  EXPECT_EQ(ranks[1].buffer[7], 'x');
}

TEST_F(TwoRanks, SendBeforeItsBytesAreComputed) {
  compute(ranks[0], Access::kWrite);
  transfer(ranks[0]);
  EXPECT_THAT(device.violations(),
              ElementsAre(HasSubstr("a read on stream 2 does not wait for a write on stream 1")));
}

TEST_F(TwoRanks, ReceiveIntoWhatIsStillRead) {
  compute(ranks[1], Access::kRead);
  transfer(ranks[1]);
  EXPECT_THAT(device.violations(),
              ElementsAre(HasSubstr("a write on stream 4 does not wait for a read on stream 3")));
}

TEST_F(TwoRanks, UseOfBytesBeforeTheyHaveArrived) {
  transfer(ranks[1]);
  compute(ranks[1], Access::kRead);
  EXPECT_THAT(device.violations(),
              ElementsAre(HasSubstr("a read on stream 3 does not wait for a write on stream 4")));
}

TEST_F(TwoRanks, OverwritingOfBytesThatHaveNotLeft) {
  transfer(ranks[0]);
  compute(ranks[0], Access::kWrite);
  EXPECT_THAT(device.violations(),
              ElementsAre(HasSubstr("a write on stream 1 does not wait for a read on stream 2")));
}

// The event has to be recorded behind the transfer when the stream is told to wait for it.
TEST_F(TwoRanks, WaitForAnEventOfTooEarly) {
  device.record(ranks[1].done, ranks[1].side);
  device.wait(ranks[1].compute, ranks[1].done);
  transfer(ranks[1]);
  compute(ranks[1], Access::kRead);
  EXPECT_EQ(device.violations().size(), 1U);
}

TEST_F(TwoRanks, TransferWithoutTheOtherRankDoesNotEnd) {
  transfer(ranks[0]);
  device.drain();
  EXPECT_THAT(device.violations(), ElementsAre(HasSubstr("stream 2 has work that cannot go on")));
}

TEST_F(TwoRanks, CallsOnAnAbortedCommunicator) {
  nccl.abort(ranks[0].comm);
  transfer(ranks[0]);
  EXPECT_THAT(device.violations(), ElementsAre(HasSubstr("send on a communicator that is gone")));
}

// What waits to be received holds NaNs, and leaves its old place only when somebody needs it.
TEST_F(TwoRanks, BytesMoveAsLateAsTheyMay) {
  ranks[0].buffer.fill('a');
  for (Rank& rank : ranks) transfer(rank);
  EXPECT_EQ(ranks[1].buffer[0], static_cast<char>(0xFF));
  ranks[0].buffer.fill('b');
  EXPECT_TRUE(device.done(ranks[1].done));
  EXPECT_EQ(ranks[1].buffer[0], 'b');
}

}  // namespace
}  // namespace ropeway::testing
