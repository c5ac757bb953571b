// Which GPU each rank gets, and which jobs are refused, on made-up hosts.
#include "parallel/device/device_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "parallel/comm/thread_world.h"

namespace ropeway::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

DeviceInfo gpu(int index, const std::string& uuid, int capability = 90) {
  return {.index = index, .name = "NVIDIA H200", .uuid = uuid, .capability = capability};
}

struct Chosen {
  std::vector<std::string> uuids;  // by rank
  std::string error;               // the same on all ranks, or a failure of the test
  WayOut way_out = WayOut::kNone;  // of rank 0's error
};

Chosen choose(const std::vector<DeviceSeat>& seats) {
  Chosen chosen;
  chosen.uuids.resize(seats.size());
  std::vector<std::string> errors(seats.size());
  run_thread_world(static_cast<int>(seats.size()), [&](Communicator& world) {
    const auto rank = static_cast<size_t>(world.rank());
    try {
      chosen.uuids[rank] = choose_device(world, seats[rank]).uuid;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kLauncher);
      errors[rank] = e.what();
      if (rank == 0) chosen.way_out = e.way_out();
    }
  });
  for (const std::string& error : errors) EXPECT_EQ(error, errors[0]);
  chosen.error = errors[0];
  return chosen;
}

TEST(DeviceChoice, FollowsTheLocalRank) {
  const std::vector<DeviceInfo> a{gpu(0, "a0"), gpu(1, "a1")}, b{gpu(0, "b0"), gpu(1, "b1")};
  const Chosen chosen = choose({{"a", 0, a, ""}, {"a", 1, a, ""}, {"b", 0, b, ""}, {"b", 1, b, ""}});
  EXPECT_EQ(chosen.error, "");
  EXPECT_THAT(chosen.uuids, ElementsAre("a0", "a1", "b0", "b1"));
}

// A launcher that shows each rank its own device only.
TEST(DeviceChoice, TakesTheOneDeviceARankIsShown) {
  const Chosen chosen = choose({{"a", 0, {gpu(0, "a0")}, ""}, {"a", 1, {gpu(0, "a1")}, ""}});
  EXPECT_EQ(chosen.error, "");
  EXPECT_THAT(chosen.uuids, ElementsAre("a0", "a1"));
}

TEST(DeviceChoice, MoreRanksThanDevicesAreRefused) {
  const std::vector<DeviceInfo> a{gpu(0, "GPU-a0"), gpu(1, "GPU-a1")};
  const Chosen chosen = choose({{"node1", 0, a, ""}, {"node1", 1, a, ""}, {"node1", 2, a, ""}});
  EXPECT_THAT(chosen.error,
              AllOf(HasSubstr("ranks 0, 2 share one GPU; node1 has 3 ranks, which see 2"),
                    HasSubstr("rank  host   GPU"), HasSubstr("   1  node1  1 NVIDIA H200, sm_90, GPU-a1"),
                    HasSubstr("   2  node1  0 NVIDIA H200, sm_90, GPU-a0")));
  EXPECT_EQ(chosen.way_out, WayOut::kRankPerGpu);
}

TEST(DeviceChoice, MixedJobsAreRefused) {
  const Chosen chosen = choose({{"a", 0, {gpu(0, "a0")}, ""}, {"b", 0, {}, "no driver"}, {"c", 0, {}, ""}});
  EXPECT_THAT(chosen.error,
              AllOf(HasSubstr("ranks 1, 2 of 3 cannot use one: no driver"),
                    HasSubstr("   0  a     0 NVIDIA H200"), HasSubstr("   1  b     none: no driver"),
                    HasSubstr("   2  c     none: no CUDA device is visible")));
}

TEST(DeviceChoice, JobWithoutAnyDeviceIsRefusedWithItsReason) {
  const Chosen chosen = choose({{"a", 0, {}, "no driver"}, {"a", 1, {}, "no driver"}});
  EXPECT_THAT(chosen.error, HasSubstr("device cuda: no driver\n"));
}

TEST(DeviceChoice, DevicesWithoutCodeForThemAreRefused) {
  const Chosen chosen =
      choose({{"a", 0, {gpu(0, "a0", 90)}, "", "90-real"}, {"b", 0, {gpu(0, "b0", 80)}, "", "90-real"}});
  EXPECT_THAT(chosen.error,
              AllOf(HasSubstr("rank 1 of 2 cannot use one: the GPU is NVIDIA H200, sm_80, this program's "
                              "kernels are for 90-real: build it with -DCMAKE_CUDA_ARCHITECTURES=80-real"),
                    HasSubstr("   0  a     0 NVIDIA H200, sm_90, a0")));
}

// CUDA's rules of compatibility.
TEST(DeviceChoice, CodeRunsWhereItMay) {
  EXPECT_TRUE(has_code_for(90, "90-real"));
  EXPECT_TRUE(has_code_for(86, "80-real,90-real"));
  EXPECT_FALSE(has_code_for(80, "86-real"));
  EXPECT_FALSE(has_code_for(100, "80-real,90-real"));
  EXPECT_TRUE(has_code_for(100, "80-real,90-virtual"));
  EXPECT_TRUE(has_code_for(120, "90"));
  EXPECT_FALSE(has_code_for(80, "90"));
  EXPECT_TRUE(has_code_for(90, "90a-real"));
  EXPECT_FALSE(has_code_for(100, "90a"));
  EXPECT_TRUE(has_code_for(80, "all"));
  EXPECT_TRUE(has_code_for(80, ""));
}

TEST(DeviceChoice, OldDevicesAreRefused) {
  const Chosen chosen = choose({{"a", 0, {gpu(0, "a0", 75)}, ""}, {"b", 0, {gpu(0, "b0", 80)}, ""}});
  EXPECT_THAT(chosen.error, HasSubstr("the GPU of rank 0 is older than sm_80"));
}

}  // namespace
}  // namespace ropeway::testing
