// What errors say to those who can act on them.
#include "launch/ways_out.h"

#include <gmock/gmock.h>

#include <set>

#include "launch/exit_status.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/comm/thread_world.h"
#include "trainer/formats/hf/export_factors.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/stages/run_refusals.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

template <typename E>
std::string message(const E& error) {
  return message_of(std::make_exception_ptr(error));
}

TEST(WaysOut, StandBehindTheMessage) {
  EXPECT_EQ(message(Error(ErrorKind::kCannotCreate, "out: exists", WayOut::kReplaceOutput)),
            "out: exists; --force replaces it");
  EXPECT_EQ(message(Error(ErrorKind::kStopped, "tune: stopped", WayOut::kRunAgain)),
            "tune: stopped; run the same command again to go on");
  EXPECT_EQ(message(Error(ErrorKind::kBadData, "plain")), "plain");
  EXPECT_EQ(message(std::runtime_error("what")), "unexpected error: what");
}

TEST(WaysOut, StandBelowAMessageOfSeveralLines) {
  EXPECT_EQ(message(Error(ErrorKind::kCannotCreate, "run: another recipe:\n  steps", WayOut::kOtherRun)),
            "run: another recipe:\n  steps\nuse --fresh to move it aside, or another run_dir");
}

TEST(WaysOut, OfRunsThatChangedOrFailedAreOptionsOfTheCommandLine) {
  EXPECT_THAT(message(ChangedRun("run: holds another:\n  seed")),
              AllOf(HasSubstr("seed\n--accept-changes"), HasSubstr("--resume-from"), HasSubstr("--fresh")));
  EXPECT_EQ(message(InputsNotMade("stage b needs a")),
            "stage b needs a; --with-dependencies does that first");
  EXPECT_THAT(message(TrainingFailed("tune: not finite", "tune", {200, 400})),
              AllOf(HasSubstr("tune: not finite; with --set stages.tune.learning_rate="),
                    HasSubstr("--resume-from STEP: there are those of 200, 400")));
}

TEST(WaysOut, AllHaveWordsOfTheirOwn) {
  std::set<std::string> words;
  int count = 0;
  for (int i = 1; i <= static_cast<int>(WayOut::kStartWithPmix); ++i, ++count) {
    words.insert(words_for(static_cast<WayOut>(i)));
  }
  EXPECT_EQ(static_cast<int>(words.size()), count);
  EXPECT_THAT(words, Each(Not(IsEmpty())));
}

TEST(WaysOut, SayWhatToType) {
  EXPECT_THAT(words_for(WayOut::kRankPerGpu), HasSubstr("mpirun --map-by ppr:N:node"));
  EXPECT_THAT(words_for(WayOut::kAttendFully),
              AllOf(HasSubstr("model: {sliding_window: honour}"), HasSubstr("--sliding-window honour"),
                    HasSubstr("{sliding_window: full}"), HasSubstr("--sliding-window full")));
}

TEST(WaysOut, ReachEveryRank) {
  run_thread_world(3, [](Communicator& world) {
    try {
      run_on_rank(world, 1, [] { fail(ErrorKind::kCannotCreate, WayOut::kStartAnew, "folder {}", 7); });
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.way_out(), WayOut::kStartAnew);
      EXPECT_EQ(message(error), "folder 7; use --fresh to start anew");
    }
  });
}

TEST(WaysOut, OfAGgufFileIsToImportIt) {
  EXPECT_THAT(message(GgufNotImported("models", "models/x.gguf")),
              HasSubstr("ropeway import models/x.gguf MODEL_DIR"));
}

TEST(WaysOut, OfAnExportAreItsOptions) {
  EXPECT_EQ(message(ExportRefusal::of(ExportField::kShortFactors, "tunde", "no such factor set")),
            "--short-factors tunde: no such factor set");
  EXPECT_EQ(message(ExportRefusal::of(ExportField::kMaxLength, "4K", "too short")),
            "--max-length 4K: too short");
  EXPECT_EQ(message(ExportRefusal::with_another(ExportField::kFactors, "nearest is 'tuned' (64K)", "tuned")),
            "nearest is 'tuned' (64K): --factors tuned");
}

}  // namespace
}  // namespace ropeway
