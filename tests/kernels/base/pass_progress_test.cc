#include "kernels/base/pass_progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

namespace ropeway {
namespace {

TEST(PassProgress, SaysWhereAPassIs) {
  PassProgress progress;
  EXPECT_EQ(text_of(progress.place()), "");
  progress.begin(PassPhase::kForward, 4);
  EXPECT_EQ(text_of(progress.place()), "forward, block 1 of 4, 0%");
  progress.block(2);
  progress.expect(1000);
  progress.add(400);
  progress.add(100);
  EXPECT_EQ(text_of(progress.place()), "forward, block 3 of 4, 62%");  // (2 + 1/2) / 4
  progress.begin(PassPhase::kLoss, 0);
  EXPECT_EQ(text_of(progress.place()), "loss");
  progress.end();
  EXPECT_EQ(progress.place().phase, PassPhase::kNone);
}

TEST(PassProgress, CountsTheRingsStepsAndTheirParts) {
  PassProgress progress;
  progress.begin(PassPhase::kBackward, 2);
  progress.block(1);
  progress.ring_step(2, 4);
  progress.part(1, 2);
  progress.expect(10);
  progress.add(5);
  EXPECT_DOUBLE_EQ(progress.place().step_done, 0.75);
  EXPECT_DOUBLE_EQ(progress.place().done(), (1 + (2 + 0.75) / 4) / 2);
  EXPECT_EQ(text_of(progress.place()), "backward, block 2 of 2, ring step 3 of 4, 84%");
  progress.ring_step(3, 4);  // nothing of the step before is left
  EXPECT_DOUBLE_EQ(progress.place().step_done, 0);
}

TEST(PassProgress, BeatsGrowWithAllThatIsWritten) {
  PassProgress progress;
  uint64_t before = progress.place().beats;
  const auto grows = [&] { return progress.place().beats > std::exchange(before, progress.place().beats); };
  progress.begin(PassPhase::kForward, 1);
  EXPECT_TRUE(grows());
  progress.block(0);
  EXPECT_TRUE(grows());
  progress.ring_step(0, 2);
  EXPECT_TRUE(grows());
  progress.expect(1);
  EXPECT_TRUE(grows());
  progress.add(1);
  EXPECT_TRUE(grows());
  progress.end();
  EXPECT_TRUE(grows());
}

TEST(PassProgress, EachThreadHasItsOwnWhichOutlivesIt) {
  std::shared_ptr<const PassProgress> other;
  std::thread([&] {
    other = watch_this_thread();
    pass_of_this_thread().begin(PassPhase::kForward, 7);
  }).join();
  EXPECT_EQ(other->place().blocks, 7);
  EXPECT_EQ(watch_this_thread()->place().phase, PassPhase::kNone);
  {
    PassScope scope(PassPhase::kBackward, 3);
    scope.block(1);
    EXPECT_EQ(watch_this_thread()->place().block, 1);
  }
  EXPECT_EQ(watch_this_thread()->place().phase, PassPhase::kNone);
}

}  // namespace
}  // namespace ropeway
