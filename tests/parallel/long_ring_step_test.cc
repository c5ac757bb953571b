// A stop in the middle of a ring step whose attention takes many seconds: its kernel returns, the hops are
// made all the same, and all ranks leave at one point.
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "kernels/base/pass_progress.h"
#include "kernels/base/seconds_since.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/stop_agreement.h"
#include "parallel/comm/thread_world.h"

namespace ropeway {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr int kRanks = 2;
// A ring step takes half of 16K x 16K scores for each of 48 heads: 1.6 TFLOP forward, 4 backward, where a
// core does 0.1 per second.
constexpr int64_t kLocal = 16 << 10, kHeads = 48, kDim = 64;

struct Case {
  const char* name;
  bool backward;
  milliseconds lag;  // of rank 1
};
class LongRingStep : public ::testing::TestWithParam<Case> {};

TEST_P(LongRingStep, IsGivenUpWithinIt) {
  std::atomic<bool> wanted{false};
  std::atomic<int64_t> left_at[kRanks] = {};
  run_thread_world(kRanks, [&](Communicator& world) {
    RingAttention ring(world, Placement::kZigzag);
    const SequenceLayout layout(ring.split(), 1, kRanks * kLocal);
    const at::Tensor q = at::zeros({1, kLocal, kHeads, kDim}), k = at::zeros({1, kLocal, 1, kDim});
    const at::Tensor lse = at::zeros({1, kHeads, kLocal});
    StopAgreement stop(world, {.asked = [&] { return wanted && world.rank() == 1; },
                               .period = milliseconds(1),
                               .patience = milliseconds(0)});
    const auto work = [&] {
      if (world.rank() == 1) std::this_thread::sleep_for(GetParam().lag);
      if (GetParam().backward) {
        ring.backward(layout, q, q, k, k, q, lse, 0.125);
      } else {
        ring.forward(layout, q, k, k, 0.125);
      }
    };
    std::thread asks;
    if (world.rank() == 0) {
      asks = std::thread([&] {
        std::this_thread::sleep_for(milliseconds(400));
        wanted = true;
      });
    }
    const auto begin = Clock::now();
    EXPECT_THROW(stop.abandonable(work), Abandoned);
    EXPECT_LT(seconds_since(begin), 0.4 + 2);
    left_at[world.rank()] = pass_of_this_thread().place().step;
    if (asks.joinable()) asks.join();
    EXPECT_EQ(all_reduce_sum(world, 1), kRanks);  // no hop is left over, and all are there
  });
  EXPECT_EQ(left_at[0], 0);
  EXPECT_EQ(left_at[1], 0);
}

INSTANTIATE_TEST_SUITE_P(All, LongRingStep,
                         ::testing::Values(Case{"Forward", false, milliseconds(0)},
                                           Case{"Backward", true, milliseconds(0)},
                                           Case{"RanksApart", false, milliseconds(700)}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway
