// The watching threads of several ranks: threads of this process, and for ends of processes a child.
#include "parallel/board/hang_watch.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What the watches of a job said.
class Said {
 public:
  void tell(const std::string& message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(message);
  }
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  bool wait_for_end(double seconds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return ended_; });
  }
  std::vector<std::string> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
  bool ended_ = false;
};

// A thread that is a rank: its watch lives until the thread is told to end.
class RankThread {
 public:
  RankThread(const TempDir& folder, int rank, int size, double hang_seconds, Said& said,
             const std::function<void()>& work = {}) {
    thread_ = std::thread([=, this, &folder, &said] {
      const auto board = std::make_shared<RankBoard>(folder.path(), rank);
      Position::here().set_stage("tune");
      const InPhase training(Phase::kTraining);
      Position::here().set_step(1);
      Position::here().set_step(2);
      HangWatch watch(board, {.folder = folder.path(),
                              .rank = rank,
                              .size = size,
                              .host = "host",
                              .hang_seconds = hang_seconds,
                              .tell = [&said](const std::string& message) { said.tell(message); },
                              .end_job = [&said] { said.end(); },
                              .grace_seconds = 0.1});
      if (work) work();
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return leave_; });
    });
  }
  ~RankThread() {
    {
      const std::lock_guard lock(mutex_);
      leave_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool leave_ = false;
  std::thread thread_;
};

TEST(HangWatch, RanksThatLiveAreLeftAlone) {
  const TempDir folder;
  Said said;
  {
    const RankThread first(folder, 0, 2, 0.5, said), second(folder, 1, 2, 0.5, said);
    EXPECT_FALSE(said.wait_for_end(1.5));
  }
  EXPECT_THAT(said.messages(), IsEmpty());
  const RankBoard board(folder.path(), 9);
  EXPECT_EQ(board.read(0)->end, "0");
}

TEST(HangWatch, ASilentRankIsNamedWithinTheLimitOnce) {
  const TempDir folder;
  Said said;
  // A rank that has written once and never again, as after SIGSTOP.
  RankBoard stopped(folder.path(), 1);
  BoardEntry entry{.rank = 1, .host = "other", .process = 1, .beat = 5, .stage = "tune"};
  entry.place.phase = Phase::kEvaluation;
  entry.place.step = 4;
  stopped.write(entry);
  const auto start = Clock::now();
  const RankThread first(folder, 0, 3, 1, said), third(folder, 2, 3, 1, said);
  ASSERT_TRUE(said.wait_for_end(5));
  EXPECT_GT(seconds_since(start), 0.9);
  EXPECT_LT(seconds_since(start), 1.5);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_EQ(said.messages().size(), 1u);
  EXPECT_THAT(said.messages()[0], StartsWith("rank 1 on other has given no sign of life for 1."));
  EXPECT_THAT(said.messages()[0], HasSubstr("in evaluation of tune, step 4"));
}

TEST(HangWatch, ARankThatHasEndedOrHasNoFileIsNotSilent) {
  const TempDir folder;
  Said said;
  RankBoard ended(folder.path(), 1);
  ended.write({.rank = 1, .host = "other", .beat = 5});
  ended.write_end("0");
  const RankThread first(folder, 0, 3, 0.4, said);  // rank 2 has no file
  EXPECT_FALSE(said.wait_for_end(1.5));
  EXPECT_THAT(said.messages(), IsEmpty());
}

TEST(HangWatch, AWaitForARankThatDoesNotGetOnEndsTheJob) {
  const TempDir folder;
  Said said;
  const RankThread works(folder, 1, 2, 0.5, said);
  const RankThread waits(folder, 0, 2, 0.5, said, [&] {
    const Waiting waiting(WaitFor::kRanks, "barrier");
    said.wait_for_end(5);
  });
  ASSERT_TRUE(said.wait_for_end(5));
  ASSERT_EQ(said.messages().size(), 1u);
  EXPECT_THAT(said.messages()[0],
              StartsWith("rank 1 on host (in training of tune, step 2, works there for "));
  EXPECT_THAT(said.messages()[0], HasSubstr("waits in barrier"));
}

TEST(HangWatch, AWaitForARankThatGetsOnGoesOn) {
  const TempDir folder;
  Said said;
  const auto ticks = [] {
    for (int i = 0; i < 75; ++i) {
      pass_of_this_thread().add(1);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  const RankThread works(folder, 1, 2, 0.5, said, ticks);
  const RankThread waits(folder, 0, 2, 0.5, said, [&] {
    const Waiting waiting(WaitFor::kRanks, "barrier");
    said.wait_for_end(1.2);
  });
  EXPECT_FALSE(said.wait_for_end(1.4));
}

TEST(HangWatch, RanksThatWaitForEachOtherEndTheJobOnce) {
  const TempDir folder;
  Said said;
  const auto wait = [&] {
    const Waiting waiting(WaitFor::kRing, "ring");
    said.wait_for_end(5);
  };
  const RankThread first(folder, 0, 2, 0.5, said, wait), second(folder, 1, 2, 0.5, said, wait);
  ASSERT_TRUE(said.wait_for_end(5));
  ASSERT_EQ(said.messages().size(), 1u);
  EXPECT_THAT(said.messages()[0], StartsWith("all ranks wait for each other: rank 0 on host"));
}

// A process that does nothing but be there.
pid_t start_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  return child;
}

TEST(HangWatch, TheEndOfAProcessOfThisHostIsSeenAtOnce) {
  const TempDir folder;
  Said said;
  const pid_t child = start_child();
  RankBoard board(folder.path(), 1);
  BoardEntry entry{
      .rank = 1, .host = "host", .process = child, .process_start = start_of_process(child), .beat = 1};
  entry.stage = "tune";
  entry.place.phase = Phase::kTraining;
  entry.place.step = 7;
  board.write(entry);
  const RankThread first(folder, 0, 2, 100, said);
  std::this_thread::sleep_for(std::chrono::milliseconds(2600));  // the watch has looked: its period is 2 s
  const auto killed = Clock::now();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(said.wait_for_end(5));
  EXPECT_LT(seconds_since(killed), 1);
  ASSERT_EQ(said.messages().size(), 1u);
  EXPECT_THAT(said.messages()[0],
              StartsWith("rank 1 on host is gone in training of tune, step 7: it was killed"));
}

TEST(ProcessWatch, KnowsAProcessByItsStart) {
  const pid_t child = start_child();
  ProcessWatch watch;
  EXPECT_FALSE(watch.add(1, child, start_of_process(child) + 1)) << "another process of this id";
  EXPECT_TRUE(watch.add(2, child, start_of_process(child)));
  EXPECT_THAT(watch.wait(0.05), IsEmpty());
  ::kill(child, SIGKILL);
  EXPECT_EQ(watch.wait(5), std::vector<int>{2});
  EXPECT_THAT(watch.wait(0.05), IsEmpty()) << "told once";
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(start_of_process(child), 0);
}

}  // namespace
}  // namespace ropeway
