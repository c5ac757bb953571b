// Who is to blame for a wait, and what the board's files say.
#include "parallel/board/hang_verdict.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

BoardEntry at_work(int rank, double seconds) {
  BoardEntry entry{.rank = rank, .host = "node1", .process = 100 + rank, .beat = 7, .stage = "tune"};
  entry.place.phase = Phase::kTraining;
  entry.place.step = 12;
  entry.place.first_step = false;
  entry.place.seconds_here = seconds;
  return entry;
}
BoardEntry waiting(int rank, double seconds) {
  BoardEntry entry = at_work(rank, seconds);
  entry.waits_in = "all_reduce";
  entry.place.seconds_waiting = seconds;
  return entry;
}

TEST(HangVerdict, AWaitWithinItsLimitIsNone) {
  EXPECT_FALSE(judge_wait(waiting(0, 9.9), {waiting(0, 9.9), at_work(1, 100)}, 10));
  EXPECT_FALSE(judge_wait(at_work(0, 99), {at_work(0, 99), at_work(1, 100)}, 10)) << "it works";
}

TEST(HangVerdict, TheRankThatWorksAndDoesNotGetOnIsToBlame) {
  const BoardEntry own = waiting(0, 11);
  const auto verdict = judge_wait(own, {own, waiting(1, 11), at_work(2, 12)}, 10);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->ranks, ElementsAre(2));
  EXPECT_THAT(verdict->message,
              StartsWith("rank 2 on node1 (in training of tune, step 12, works there for 12.0 s) "
                         "does not get on, and rank 0 on node1 in training of tune, step 12, "
                         "waits in all_reduce for 11 s"));
  EXPECT_THAT(verdict->message,
              HasSubstr("\n  rank 1 on node1: in training of tune, step 12, waits in all_reduce"));
}

TEST(HangVerdict, ARankThatGetsOnIsSlowAndNobodyHangs) {
  const BoardEntry own = waiting(0, 1000);
  EXPECT_FALSE(judge_wait(own, {own, at_work(1, 2)}, 10));
}

TEST(HangVerdict, RanksThatAllWaitForEachOtherAreSaidToDoSo) {
  const BoardEntry own = waiting(0, 11);
  const auto verdict = judge_wait(own, {own, waiting(1, 10.5)}, 10);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->ranks, IsEmpty());
  EXPECT_THAT(verdict->message, StartsWith("all ranks wait for each other: rank 0 on node1"));
}

// One that was stopped in the middle of a short wait has published that it waits: it is silent, which is another case.
TEST(HangVerdict, ARankThatWaitsForAShortTimeOnlyIsNotInADeadlock) {
  const BoardEntry own = waiting(0, 11);
  EXPECT_FALSE(judge_wait(own, {own, waiting(1, 0.1), waiting(2, 11)}, 10));
}

TEST(HangVerdict, ARankThatHasLeftIsToBlameForAWait) {
  const BoardEntry own = waiting(1, 11);
  BoardEntry left = at_work(0, 0);
  left.end = "error";
  const auto verdict = judge_wait(own, {left, own}, 10);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->ranks, ElementsAre(0));
  EXPECT_THAT(verdict->message, HasSubstr("has ended its work"));
}

TEST(HangVerdict, FirstStepsAndDisksHaveLonger) {
  Place place = at_work(0, 0).place;
  EXPECT_EQ(limit_at(place, 10), 10);
  place.first_step = true;
  EXPECT_EQ(limit_at(place, 10), 20);
  place.phase = Phase::kSaving;
  EXPECT_EQ(limit_at(place, 10), 40);
  BoardEntry own = waiting(0, 11);
  own.place.first_step = true;
  EXPECT_FALSE(judge_wait(own, {own, at_work(1, 11)}, 10));
  BoardEntry saves = at_work(1, 30);
  saves.place.phase = Phase::kSaving;
  EXPECT_FALSE(judge_wait(waiting(0, 30), {waiting(0, 30), saves}, 10));
}

TEST(HangVerdict, SilenceAndEndsNameRankHostAndPlace) {
  const BoardEntry silent = at_work(1, 0.1);
  const Verdict verdict = judge_silence(silent, 10.25, {waiting(0, 9), silent});
  EXPECT_THAT(verdict.ranks, ElementsAre(1));
  EXPECT_THAT(verdict.message, StartsWith("rank 1 on node1 has given no sign of life for 10.2 s"));
  EXPECT_THAT(verdict.message, HasSubstr("it was in training of tune, step 12\n  rank 0 on node1: "));
  EXPECT_THAT(verdict.message,
              HasSubstr("\n  rank 1 on node1: in training of tune, step 12, silent for 10.2 s"));

  BoardEntry gone = at_work(3, 0);
  EXPECT_THAT(
      judge_end(gone).message,
      StartsWith(
          "rank 3 on node1 is gone in training of tune, step 12: it was killed from outside (SIGKILL"));
  gone.end = "signal 11";
  EXPECT_EQ(judge_end(gone).message,
            "rank 3 on node1 is gone in training of tune, step 12: signal 11 (Segmentation fault)");
}

TEST(RankBoard, WhatARankWritesIsWhatOthersRead) {
  const TempDir folder;
  RankBoard board(folder.path(), 3);
  EXPECT_FALSE(board.read(3)) << "nothing written yet";
  BoardEntry entry = waiting(3, 1.5);
  entry.process_start = 987654;
  entry.beat = 41;
  entry.place.pass = {.phase = PassPhase::kBackward, .block = 2, .blocks = 30, .step = 1, .steps = 4};
  board.write(entry);
  ++entry.beat;
  board.write(entry);
  const auto read = board.read(3);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->rank, 3);
  EXPECT_EQ(read->host, "node1");
  EXPECT_EQ(read->process, 103);
  EXPECT_EQ(read->process_start, 987654);
  EXPECT_EQ(read->beat, 42);
  EXPECT_EQ(read->stage, "tune");
  EXPECT_EQ(read->waits_in, "all_reduce");
  EXPECT_EQ(read->place.phase, Phase::kTraining);
  EXPECT_EQ(read->place.step, 12);
  EXPECT_FALSE(read->place.first_step);
  EXPECT_EQ(read->place.pass.phase, PassPhase::kBackward);
  EXPECT_EQ(read->place.pass.block, 2);
  EXPECT_EQ(read->place.pass.steps, 4);
  EXPECT_DOUBLE_EQ(read->place.seconds_waiting, 1.5);
  EXPECT_EQ(read->end, "");
  board.write_end("signal 11");
  EXPECT_EQ(board.read(3)->end, "signal 11");
  EXPECT_FALSE(board.read(2));
}

TEST(RankBoard, ARankAtNoStageHasNone) {
  BoardEntry entry{.rank = 0, .host = "h"};
  const auto read = board_entry_from(to_text(entry));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stage, "");
  EXPECT_EQ(read->waits_in, "");
  EXPECT_EQ(read->place.phase, Phase::kStart);
}

TEST(RankBoard, AHalfWrittenFileIsNoEntry) {
  const std::string whole = to_text(at_work(1, 0));
  EXPECT_TRUE(board_entry_from(whole));
  EXPECT_FALSE(board_entry_from(whole.substr(0, whole.find("\n.\n"))));
  EXPECT_FALSE(board_entry_from(""));
  EXPECT_FALSE(board_entry_from(std::string(800, '\0')));
}

TEST(RankBoard, AnEarlierJobsFileIsRemoved) {
  const TempDir folder;
  {
    RankBoard earlier(folder.path(), 0);
    earlier.write(at_work(0, 0));
    earlier.write_end("0");
  }
  const RankBoard board(folder.path(), 0);
  EXPECT_FALSE(board.read(0));
}

}  // namespace
}  // namespace ropeway
