#include "parallel/board/position.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace ropeway {
namespace {

// Each test on a thread of its own, whose position is new.
void on_new_thread(const std::function<void()>& work) { std::thread(work).join(); }

TEST(Position, SaysStagePhaseStepAndPass) {
  on_new_thread([] {
    Position& here = Position::here();
    EXPECT_EQ(text_of(here.now()), "");
    here.set_stage("tune");
    const InPhase training(Phase::kTraining);
    EXPECT_EQ(text_of(here.now()), "training of tune");
    here.set_step(12);
    EXPECT_EQ(text_of(here.now()), "training of tune, step 12");
    PassScope pass(PassPhase::kBackward, 30);
    pass.block(2);
    pass_of_this_thread().ring_step(1, 4);
    EXPECT_EQ(text_of(here.now()),
              "training of tune, step 12, backward, block 3 of 30, ring step 2 of 4, 8%");
  });
}

TEST(Position, IsBackInThePhaseBeforeWhenAnInnerOneEnds) {
  on_new_thread([] {
    Position& here = Position::here();
    const InPhase training(Phase::kTraining);
    here.set_step(3);
    EXPECT_TRUE(here.now().first_step);
    here.set_step(4);
    EXPECT_FALSE(here.now().first_step);
    {
      const InPhase saving(Phase::kSaving);
      EXPECT_EQ(here.now().phase, Phase::kSaving);
      EXPECT_EQ(here.now().step, 0);
    }
    EXPECT_EQ(here.now().phase, Phase::kTraining);
    EXPECT_EQ(here.now().step, 4);
    EXPECT_FALSE(here.now().first_step);
  });
}

TEST(Position, KeepsWhereAnErrorCameFrom) {
  on_new_thread([] {
    Position& here = Position::here();
    here.set_stage("tune");
    EXPECT_EQ(here.failed_in(), "");
    try {
      const InPhase training(Phase::kTraining);
      here.set_step(5);
      const InPhase saving(Phase::kSaving);
      throw std::runtime_error("disk");
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(here.failed_in(), "saving of tune");
    EXPECT_EQ(here.now().phase, Phase::kStart);
  });
}

TEST(Position, CountsWaitsByWhatTheyAreForAndOnlyTheOutermost) {
  on_new_thread([] {
    Position& here = Position::here();
    const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
    {
      const Waiting outer(WaitFor::kRanks, "all_gather");
      const Waiting inner(WaitFor::kRing, "ring");
      pause();
      EXPECT_STREQ(here.now().waits_in, "all_gather");
      EXPECT_GT(here.now().seconds_waiting, 0.02);
    }
    EXPECT_EQ(here.now().waits_in, nullptr);
    EXPECT_GE(here.seconds_waited(WaitFor::kRanks), 0.03);
    EXPECT_EQ(here.seconds_waited(WaitFor::kRing), 0);
    EXPECT_LT(here.now().seconds_here, 0.03) << "the end of a wait is progress";
  });
}

}  // namespace
}  // namespace ropeway
