// What a process says when it dies of a signal, each in a child.
#include "launch/crash_report.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "parallel/board/position.h"
#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

// Not inlined, and known by this name in the stack.
__attribute__((noinline)) void fall_over(int signal) {
  if (signal == SIGSEGV) {
    volatile uintptr_t nowhere = 16;  // not known to the compiler
    *reinterpret_cast<volatile int*>(nowhere) = 1;
  }
  if (signal == SIGABRT) std::abort();
  ::raise(signal);
  asm volatile("");  // no jump in place of the call
}

class CrashReport : public ::testing::TestWithParam<int> {};

TEST_P(CrashReport, NamesSignalPlaceAndFunctions) {
  const TempDir folder;
  const std::string log = folder.name("log");
  const pid_t child = ::fork();
  if (child == 0) {
    if (std::freopen(log.c_str(), "w", stderr) == nullptr) ::_exit(1);
    ::signal(GetParam(), SIG_DFL);
    prepare_crash_reports(3, "node2");
    Position::here().adopt();
    Position::here().set_stage("tune");
    const InPhase training(Phase::kTraining);
    Position::here().set_step(12);
    fall_over(GetParam());
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(WTERMSIG(status), GetParam()) << "the signal takes its course";
  const std::string said = read_bytes(log);
  EXPECT_THAT(said, HasSubstr("ropeway: rank 3 on node2: SIG"));
  EXPECT_THAT(said, HasSubstr("ropeway::(anonymous)::fall_over + 0x"));
  const std::string last = said.substr(said.rfind("\n", said.size() - 2) + 1);
  EXPECT_EQ(last.find("ropeway: rank 3 on node2 died of signal " + std::to_string(GetParam())), 0u) << said;
  EXPECT_THAT(last, HasSubstr(", in training of tune, step 12\n"));
  EXPECT_EQ(last.find("at address 0x10") != std::string::npos, GetParam() == SIGSEGV) << last;
}

INSTANTIATE_TEST_SUITE_P(Signals, CrashReport, ::testing::Values(SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS),
                         [](const auto& info) { return std::string(sigabbrev_np(info.param)); });

}  // namespace
}  // namespace ropeway
