// The ring of P thread-ranks on one device. On the CPU by the double of CUDA's streams and events; on a GPU,
// when there is one, for real.
#include "parallel/comm/emulated_ring.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "parallel/comm/thread_world.h"
#include "tests/parallel/fake_device.h"
#include "tests/parallel/ring_order_cases.h"

namespace ropeway::testing {
namespace {

TEST(EmulatedRing, HopsKeepTheirOrder) {
  for (const int ranks : {1, 2, 3, 8}) {
    FakeDevice device;
    hops_keep_their_order(ranks, 9, device, [&](Communicator& c, const CurrentStream& stream) {
      return emulated_ring_links(c, device, stream);
    });
  }
}

// More hops than there are pairs of events.
TEST(EmulatedRing, EventsGoRound) {
  FakeDevice device;
  hops_keep_their_order(2, 300, device, [&](Communicator& c, const CurrentStream& stream) {
    return emulated_ring_links(c, device, stream);
  });
}

TEST(EmulatedRing, NothingIsMadePerHop) {
  FakeDevice device;
  run_thread_world(4, [&](Communicator& comm) {
    const RingLinks links = emulated_ring_links(comm, device, always(nullptr));
    comm.barrier();
    const int64_t before = device.created();
    std::vector<char> a(64), b(64);
    for (int hop = 0; hop < 10; ++hop) links.keys->start(a.data(), b.data(), 64)->wait();
    comm.barrier();
    EXPECT_EQ(device.created(), before);
  });
}

TEST(EmulatedRing, FailingRankReleasesTheOthers) {
  FakeDevice device;
  try {
    run_thread_world(3, [&](Communicator& comm) {
      const RingLinks links = emulated_ring_links(comm, device, always(nullptr));
      std::vector<char> a(64), b(64);
      const auto hop = links.keys->start(a.data(), b.data(), 64);
      if (comm.rank() == 1) fail(ErrorKind::kBadData, "rank 1 cannot go on");
      hop->wait();
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadData);
  }
}

}  // namespace
}  // namespace ropeway::testing
