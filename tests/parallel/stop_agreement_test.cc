// Ranks that exchange data in a ring are stopped in the middle of it: all leave at one point, or none does, and
// nobody waits for one that is gone. A case that fails here mostly hangs.
#include "parallel/comm/stop_agreement.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "kernels/base/random.h"
#include "kernels/base/unwanted_work.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/ring_link.h"
#include "parallel/comm/thread_world.h"

namespace ropeway {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

void pause(int64_t microseconds) { std::this_thread::sleep_for(std::chrono::microseconds(microseconds)); }

StopAgreement::Options quick(std::function<bool()> asked) {
  return {.asked = std::move(asked), .period = milliseconds(1), .patience = milliseconds(0)};
}

// One hop round the ring of `group`, as attention makes them.
void hop(Communicator& group) {
  const auto links = host_ring_links(group);
  int64_t sent = group.rank(), received = -1;
  links.keys->start(&sent, &received, sizeof sent)->wait();
  EXPECT_EQ(received, (group.rank() + group.size() - 1) % group.size());
}

TEST(StopAgreement, AllRanksOfARingLeaveAtTheSamePoint) {
  constexpr int kRanks = 4;
  for (uint64_t trial = 0; trial < 20; ++trial) {
    std::atomic<bool> wanted{false};
    std::mutex mutex;
    std::multiset<int64_t> left_at;
    run_thread_world(kRanks, [&](Communicator& world) {
      Philox random(trial, Stream::kMutation, static_cast<uint64_t>(world.rank()));
      const int asks = static_cast<int>(trial % kRanks);
      StopAgreement stop(world, quick([&, asks] { return wanted && world.rank() == asks; }));
      int64_t points = 0;
      bool abandoned = false;
      for (int step = 0; step < 10'000 && !abandoned; ++step) {
        try {
          stop.abandonable([&] {
            for (int i = 0; i < 50; ++i) {
              hop(world);
              if (random.below(20) == 0) pause(200);
              if (world.rank() == 0 && step == 3 && i == static_cast<int>(trial)) wanted = true;
              ++points;
              stop_point();
            }
          });
        } catch (const Abandoned&) {
          abandoned = true;
        }
      }
      EXPECT_TRUE(abandoned);
      // What follows is collective, and all are there.
      EXPECT_EQ(all_reduce_sum(world, 1), kRanks);
      const std::lock_guard lock(mutex);
      left_at.insert(points);
    });
    EXPECT_EQ(left_at.count(*left_at.begin()), kRanks) << "trial " << trial;
  }
}

// Two rings of two ranks have different numbers of points in a step, and meet at its end.
TEST(StopAgreement, RingsOfDifferentLengthsLeaveBeforeTheyMeet) {
  for (uint64_t trial = 0; trial < 20; ++trial) {
    std::atomic<bool> wanted{false};
    std::atomic<int64_t> meetings[4] = {};
    run_thread_world(4, [&](Communicator& world) {
      const int ring = world.rank() / 2;
      const auto group = world.split(ring, world.rank());
      StopAgreement stop(world, quick([&] { return wanted && world.rank() == 3; }));
      bool abandoned = false;
      for (int step = 0; step < 10'000 && !abandoned; ++step) {
        try {
          stop.abandonable([&] {
            for (int i = 0; i < (ring == 0 ? 5 : 60); ++i) {
              hop(*group);
              if (ring == 1) pause(20);
              if (world.rank() == 0 && step == 2 + static_cast<int>(trial % 3)) wanted = true;
              stop_point();
            }
          });
          all_reduce_sum(world, 1);
          ++meetings[world.rank()];
        } catch (const Abandoned&) {
          abandoned = true;
        }
      }
      EXPECT_TRUE(abandoned);
      EXPECT_EQ(all_reduce_sum(world, 1), 4);
    });
    for (const auto& count : meetings) EXPECT_EQ(count, meetings[0]) << "trial " << trial;
  }
}

// Rank 0 has left the section by the time a stop is agreed and will use what rank 1 still computes in it;
// the other way round nobody uses anything of a section that all leave.
TEST(StopAgreement, OnlyWorkThatNobodyUsesIsUnwanted) {
  for (const bool one_has_left : {true, false}) {
    std::atomic<bool> wanted{false}, left{false};
    std::atomic<int> unwanted{0};
    run_thread_world(2, [&](Communicator& world) {
      StopAgreement stop(world, quick([&] { return wanted.load(); }));
      const auto work = [&] {
        if (world.rank() == 0 && one_has_left) return;
        while (one_has_left && !left) pause(100);
        wanted = true;
        const auto begin = Clock::now();
        while (!unwanted_work() && Clock::now() - begin < milliseconds(one_has_left ? 200 : 10'000))
          pause(100);
        unwanted += unwanted_work() ? 1 : 0;
      };
      if (one_has_left) {
        stop.abandonable(work);
        left = true;
        EXPECT_EQ(all_reduce_sum(world, 1), 2);
        EXPECT_THROW(stop.abandonable([] { FAIL() << "the work began"; }), Abandoned);
      } else {
        EXPECT_THROW(stop.abandonable(work), Abandoned);
      }
      EXPECT_FALSE(unwanted_work());
    });
    EXPECT_EQ(unwanted, one_has_left ? 0 : 2);
  }
}

TEST(StopAgreement, NobodyAsksAndNothingHappens) {
  run_thread_world(3, [&](Communicator& world) {
    StopAgreement stop(world, quick({}));
    for (int i = 0; i < 100; ++i) stop.abandonable([&] { stop_point(); });
    pause(5000);
    EXPECT_FALSE(stop.agreed());
  });
}

TEST(StopAgreement, OutsideOfAbandonableWorkAPointIsNone) {
  run_thread_world(2, [&](Communicator& world) {
    StopAgreement stop(world, quick([] { return true; }));
    while (!stop.agreed()) pause(100);
    pause(5000);
    stop_point();
    EXPECT_EQ(stop.reason(), StopAgreement::Reason::kRequest);
    EXPECT_THROW(stop.abandonable([] { FAIL() << "the work began"; }), Abandoned);
  });
}

TEST(StopAgreement, ADeadlineOfOneRankStopsAllBeforeIt) {
  run_thread_world(2, [&](Communicator& world) {
    StopAgreement stop(world, quick({}));
    const auto begin = Clock::now();
    // Two seconds are kept for coming to a stop, and half as much again as a save takes.
    stop.expect_saving(0.02, false);
    if (world.rank() == 1) stop.set_deadline(begin + milliseconds(2100), milliseconds(1));
    while (!stop.agreed()) pause(200);
    EXPECT_EQ(stop.reason(), StopAgreement::Reason::kDeadline);
    EXPECT_GE(Clock::now() - begin, milliseconds(60));
    EXPECT_LT(Clock::now() - begin, milliseconds(1500));
  });
}

TEST(StopAgreement, IsOverdueAfterTheGraceUnlessHeldOrClosing) {
  for (const char* kind : {"neither", "held", "closing"}) {
    std::atomic<int> overdue{0};
    run_thread_world(2, [&](Communicator& world) {
      auto options = quick([] { return true; });
      options.grace = milliseconds(30);
      options.overdue = [&] { ++overdue; };
      StopAgreement stop(world, options);
      const StopAgreement::Hold hold(std::string(kind) == "held" ? &stop : nullptr);
      if (std::string(kind) == "closing") stop.closing();
      pause(150'000);
    });
    EXPECT_EQ(overdue, std::string(kind) == "neither" ? 2 : 0) << kind;
  }
}

TEST(StopAgreement, ARankThatFailsKeepsNobodyWaiting) {
  EXPECT_THROW(run_thread_world(3,
                                [&](Communicator& world) {
                                  StopAgreement stop(world, quick({}));
                                  if (world.rank() == 1) fail(ErrorKind::kIo, "a disk is full");
                                  world.barrier();
                                }),
               Error);
}

}  // namespace
}  // namespace ropeway
