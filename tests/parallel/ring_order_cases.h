// What a ring's link promises about the order of work on the device, checked on a FakeDevice for any kind of
// link.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "parallel/comm/ring_link.h"
#include "parallel/comm/thread_world.h"
#include "tests/parallel/fake_device.h"

namespace ropeway::testing {

// Each rank has a stream for computing. `rounds` times: the next value is computed into one of two slots,
// sent round while both ranks read what they have, and what arrived is read afterwards.
inline void hops_keep_their_order(
    int ranks, int rounds, FakeDevice& device,
    const std::function<RingLinks(Communicator&, const CurrentStream&)>& make_links) {
  std::vector<std::vector<int64_t>> seen(static_cast<size_t>(ranks));
  std::vector<std::array<std::vector<int64_t>, 2>> slots(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& comm) {
    const auto rank = static_cast<size_t>(comm.rank());
    const CudaStream compute = device.create_stream();
    const RingLinks links = make_links(comm, always(compute));
    constexpr int64_t kCount = 16, kBytes = kCount * 8;
    for (auto& slot : slots[rank]) slot.resize(kCount);
    for (int round = 0; round < rounds; ++round) {
      RingLink& link = round % 3 == 0 ? *links.gradients : *links.keys;
      int64_t* const here = slots[rank][static_cast<size_t>(round % 2)].data();
      int64_t* const next = slots[rank][static_cast<size_t>((round + 1) % 2)].data();
      device.touch(compute, here, kBytes, Access::kWrite);
      device.queue(compute, [=] {
        here[0] = here[kCount - 1] = 1000 * static_cast<int64_t>(rank) + round;
        return true;
      });
      const auto hop = link.start(here, next, kBytes);
      device.touch(compute, here, kBytes, Access::kRead);
      hop->wait();
      device.touch(compute, next, kBytes, Access::kRead);
      device.queue(compute, [=, &seen] {
        seen[rank].push_back(next[0] == next[kCount - 1] ? next[0] : -1);
        return true;
      });
    }
    comm.barrier();
    if (rank == 0) device.drain();  // while the links are there
    comm.barrier();
  });
  EXPECT_THAT(device.violations(), ::testing::IsEmpty());
  for (int r = 0; r < ranks; ++r) {
    std::vector<int64_t> wanted;
    for (int round = 0; round < rounds; ++round) wanted.push_back(1000 * ((r + ranks - 1) % ranks) + round);
    EXPECT_EQ(seen[static_cast<size_t>(r)], wanted) << "rank " << r;
  }
}

}  // namespace ropeway::testing
