#include "parallel/comm/host_blocks.h"

#include <gtest/gtest.h>

#include "parallel/comm/thread_world.h"

namespace ropeway {
namespace {

TEST(RanksPerHost, AreBlocksOfNeighbours) {
  EXPECT_EQ(ranks_per_host(std::vector<std::string>{"a"}), 1);
  EXPECT_EQ(ranks_per_host({"a", "a", "a", "a"}), 4);
  EXPECT_EQ(ranks_per_host({"a", "a", "a", "a", "b", "b", "b", "b"}), 4);
  EXPECT_EQ(ranks_per_host({"a", "a", "a", "a", "b", "b"}), 2);  // uneven
  EXPECT_EQ(ranks_per_host({"a", "a", "a", "b", "b"}), 1);
  EXPECT_EQ(ranks_per_host({"a", "b", "a", "b"}), 1);  // in turn
}

TEST(RanksPerHost, OfThreadsAreAll) {
  run_thread_world(3, [](Communicator& world) { EXPECT_EQ(ranks_per_host(world), 3); });
}

}  // namespace
}  // namespace ropeway
