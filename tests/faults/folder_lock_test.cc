// A file system without flock: a lock file with a heartbeat does its work.
#include <cerrno>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NoFlock : public ::testing::Test {
 protected:
  Ended run(int error = ENOLCK, const std::string& before = "") {
    return run_shell(before + "\nexport NO_FLOCK_ERRNO=" + std::to_string(error) +
                     "\nexport LD_PRELOAD=" ROPEWAY_NO_FLOCK "\nexec {} run " + recipe_);
  }
  // What a holder leaves: process `process` of this host or another one, seen last so many seconds ago.
  std::string held_by(const std::string& process, const std::string& host, int seconds_ago) const {
    const std::string file = scratch_.name("run/.lock-holder");
    return "mkdir -p " + scratch_.name("run") +
           "\nprintf '{\"host\":\"%s\",\"process\":%s,\"id\":\"x\"}\\n' \"" + host + "\" \"" + process +
           "\" > " + file + "\ntouch -d '" + std::to_string(seconds_ago) + " seconds ago' " + file;
  }
  const std::string here_ = "$(hostname) $(readlink /proc/self/ns/pid)";
  const TempDir scratch_;
  const std::string recipe_ = training_recipe(scratch_);
};

TEST_F(NoFlock, IsSaidAndTheRunGoesOn) {
  for (const int error : {ENOSYS, ENOLCK, EOPNOTSUPP}) {
    const Ended ended = run(error);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(times(ended.err, "its file system has no file locks (" + std::string(std::strerror(error))), 1)
        << ended.err;
    EXPECT_FALSE(fs::exists(scratch_.path() / "run/.lock-holder"));
  }
  const Ended other = run(EBADF);
  EXPECT_EQ(other.code, 73);
  EXPECT_THAT(other.err, AllOf(HasSubstr("cannot be locked"), Not(HasSubstr("another run"))));
}

TEST_F(NoFlock, ALivingHolderIsRespected) {
  const Ended here = run(ENOLCK, held_by("$PPID", here_, 1));
  EXPECT_EQ(here.code, 73) << here.err;
  EXPECT_THAT(here.err, AllOf(HasSubstr("another run is writing to this folder ("), HasSubstr("process "),
                              HasSubstr("last sign of life")));
  const Ended elsewhere = run(ENOLCK, held_by("1", "node17 pid:[1]", 20));
  EXPECT_EQ(elsewhere.code, 73) << elsewhere.err;
  EXPECT_THAT(elsewhere.err, HasSubstr("(node17, process 1, last sign of life 2"));
  EXPECT_TRUE(fs::exists(scratch_.path() / "run/.lock-holder"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "run/stages"));
}

TEST_F(NoFlock, AStaleLockIsTakenOverWithALine) {
  // A process that has ended: its number is known, and no other has it now.
  const Ended gone = run(ENOLCK, "sh -c 'exit 0' & gone=$!; wait $gone\n" + held_by("$gone", here_, 1));
  EXPECT_EQ(gone.code, 0) << gone.err;
  EXPECT_THAT(gone.err, HasSubstr("a process that is gone, is taken over"));
  // Of this very number, which a container may give to every start.
  const Ended again = run(ENOLCK, held_by("$$", here_, 1));
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("is taken over"));
  const Ended silent = run(ENOLCK, held_by("1", "node17 pid:[1]", 100));
  EXPECT_EQ(silent.code, 0) << silent.err;
  EXPECT_THAT(silent.err, HasSubstr("the lock of node17, process 1, silent for 10"));
}

TEST_F(NoFlock, AKilledRunsLockIsTakenOver) {
  const Ended killed = run(ENOLCK, "export ROPEWAY_FAULT_POINT=checkpoint.shard_written");
  EXPECT_EQ(killed.code, 137);
  EXPECT_TRUE(fs::exists(scratch_.path() / "run/.lock-holder"));
  const Ended ended = run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("is taken over"));
}

}  // namespace
}  // namespace ropeway
