// SIGUSR1 asks to stop; SIGPIPE and SIGXFSZ do nothing.
#include "launch/signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

TEST(Signals, Usr1AsksToStopAndKillsNothing) {
  prepare_signals();
  EXPECT_FALSE(stop_requested());
  raise(SIGUSR1);
  EXPECT_TRUE(stop_requested());
  raise(SIGUSR1);
  EXPECT_TRUE(stop_requested());
}

TEST(Signals, AClosedPipeIsAnErrorOfTheWriteOnly) {
  prepare_signals();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

TEST(Signals, AFileBeyondTheLimitIsAnErrorOfTheWriteOnly) {
  prepare_signals();
  const TempDir scratch;
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {4, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const int file = open(scratch.name("file").c_str(), O_WRONLY | O_CREAT, 0644);
  EXPECT_EQ(write(file, "12345678", 8), 4);
  EXPECT_EQ(write(file, "5678", 4), -1);
  EXPECT_EQ(errno, EFBIG);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  close(file);
}

}  // namespace
}  // namespace ropeway
