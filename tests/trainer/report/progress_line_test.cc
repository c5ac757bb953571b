#include "trainer/report/progress_line.h"

#include <gtest/gtest.h>

#include <thread>

#include "kernels/base/pass_progress.h"
#include "trainer/report/duration_text.h"

namespace ropeway {
namespace {

using std::chrono::milliseconds;

// A pass that lasts longer than the time between two lines: the line is said again, with the place.
TEST(ProgressLine, SaysHowFarALongPassIs) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line(true, milliseconds(20));
    line.update("scores", 1, 4, "2048K tokens");
    PassScope pass(PassPhase::kForward, 2);
    pass.block(1);
    pass_of_this_thread().expect(100);
    pass_of_this_thread().add(50);
    std::this_thread::sleep_for(milliseconds(200));
  }
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("scores  1/4  25%  2048K tokens  (forward, block 2 of 2, 75%)\n"), std::string::npos)
      << told;
}

TEST(ProgressLine, SaysNothingBeforeTheFirstUpdateAndAfterTheEnd) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line(true, milliseconds(10));
    const PassScope pass(PassPhase::kForward, 2);
    std::this_thread::sleep_for(milliseconds(50));
    line.update("scores", 4, 4, "done");
    line.finish();
    testing::internal::GetCapturedStderr();
    testing::internal::CaptureStderr();
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// A long piece shows that something happens; of a short one nothing is said, before it is dropped or after.
TEST(ProgressLine, ADroppedLineIsOnlySaidWhileItsWorkIsLong) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line(true, milliseconds(60));
    line.update("generate", 0, 1, "reading 7 tokens");
    line.drop();
    std::this_thread::sleep_for(milliseconds(150));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  {
    ProgressLine line(true, milliseconds(20));
    line.update("generate", 0, 1, "reading 7000 tokens");
    std::this_thread::sleep_for(milliseconds(150));
    line.drop();
  }
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(told.find("generate  0/1  0%  reading 7000 tokens\n"), 0u) << told;
}

TEST(DurationText, HasTwoUnits) {
  EXPECT_EQ(duration_text(12.4), "12s");
  EXPECT_EQ(duration_text(192), "3m12s");
  EXPECT_EQ(duration_text(7500), "2h05m");
  EXPECT_EQ(duration_text(3 * 86400 + 4 * 3600 + 59), "3d04h");
}

TEST(ProgressLine, OtherRanksSayNothing) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line(false, milliseconds(10));
    line.update("scores", 1, 4, "");
    std::this_thread::sleep_for(milliseconds(30));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace ropeway
