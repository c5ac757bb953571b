// SIGUSR1 asks to stop and SIGPIPE does nothing.
#include "launch/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

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

}  // namespace
}  // namespace ropeway
