// What is said where: levels, a file per rank, and nothing that steers a terminal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>

#include <cerrno>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(LogOutput, QuietIsWarningsOnly) {
  const TempDir scratch;
  const Ended ended = run_ropeway("run " + training_recipe(scratch) + " -q");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.err, IsEmpty());
  const Ended both = run_ropeway("run " + training_recipe(scratch) + " --quiet --verbose");
  EXPECT_EQ(both.code, 2);
}

TEST(LogOutput, EveryRankHasAFileInTheRunFolder) {
  const TempDir scratch;
  const std::string run = "run " + training_recipe(scratch) + " --set mesh.data=2";
  ASSERT_EQ(mpirun_ropeway(2, run + " -q").code, 0);
  const std::string first = read_bytes(scratch.path() / "run/logs/rank-0.log");
  EXPECT_THAT(first, HasSubstr("Z info: stage base (pretrain) on 2 rank(s): 1 of"));
  EXPECT_TRUE(fs::exists(scratch.path() / "run/logs/rank-1.log"));
  ASSERT_EQ(mpirun_ropeway(2, run).code, 0);
  EXPECT_EQ(read_bytes(scratch.path() / "run/logs/rank-0.log").rfind(first, 0), 0u) << "appended to";
}

// What the program writes on a terminal of its own.
std::string on_terminal(const std::vector<std::string>& arguments) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    std::vector<char*> words = {const_cast<char*>(program().c_str())};
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  std::string shown;
  char piece[4096];
  for (ssize_t got; (got = ::read(terminal, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR);) {
    if (got > 0) shown.append(piece, static_cast<size_t>(got));
  }
  ::waitpid(child, nullptr, 0);
  ::close(terminal);
  return shown;
}

TEST(LogOutput, NamesAndContentsDoNotSteerATerminal) {
  const TempDir scratch;
  const std::string evil = "\x1b]0;owned\x07";
  const std::string recipe = scratch.file("evil" + evil + ".yaml", "name: x\n" + evil);
  EXPECT_THAT(on_terminal({"validate", recipe}),
              AllOf(HasSubstr("\\x1b]0;owned\\x07"), Not(HasSubstr("\x1b"))));
  fs::copy(kTinyBase, scratch.path() / ("model" + evil));
  EXPECT_THAT(on_terminal({"inspect", scratch.name("model" + evil)}),
              AllOf(HasSubstr("\\x1b]0;owned\\x07"), HasSubstr("4 layers"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace ropeway
