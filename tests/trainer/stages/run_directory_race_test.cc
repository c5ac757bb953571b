// Two runs that open one folder at the same moment. The system calls between which the other run could slip
// in are intercepted here, so that it does every time: a definition in the program comes before the C library's.
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <utility>

#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/stages/run_directory.h"

namespace {

// Called once before the next such call, with the path that rename() is given.
std::function<void(const char* from)> g_before_rename;
std::function<void()> g_before_flock;

}  // namespace

extern "C" int rename(const char* from, const char* to) noexcept {
  if (const auto before = std::exchange(g_before_rename, nullptr)) before(from);
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

extern "C" int flock(int fd, int operation) noexcept {
  if (const auto before = std::exchange(g_before_flock, nullptr)) before();
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

namespace ropeway {
namespace {

namespace fs = std::filesystem;

class RunDirectoryRaceTest : public testing::Test {
 protected:
  RunDirectoryRaceTest() : recipe_(recipe_in(folder_, kPretrain)) { open(false); }
  ~RunDirectoryRaceTest() override {
    g_before_rename = nullptr;
    g_before_flock = nullptr;
  }
  void open(bool fresh) { const RunDirectory directory(identity_of(recipe_), *world_, fresh, 0); }

  TempDir folder_;
  std::unique_ptr<Communicator> world_ = make_world_of_one();
  Recipe recipe_;
};

TEST_F(RunDirectoryRaceTest, AFolderIsLockedWhileAFreshStartMovesIt) {
  std::string moved;
  bool locked = false;
  g_before_rename = [&](const char* from) {
    moved = from;
    const int other_run = ::open((moved + "/.lock").c_str(), O_RDWR);
    locked = ::flock(other_run, LOCK_EX | LOCK_NB) != 0;
    ::close(other_run);
  };
  open(true);
  EXPECT_EQ(moved, (folder_ / "run").string());
  EXPECT_TRUE(locked) << "another run could have started in the folder that is moved away under it";
}

// What this run locks, the earlier run's file, is no longer the folder of that name.
TEST_F(RunDirectoryRaceTest, ALockThatWasMovedAwayIsNotTheFoldersLock) {
  for (const bool fresh : {false, true}) {
    std::optional<RunDirectory> other_run;
    g_before_flock = [&] { other_run.emplace(identity_of(recipe_), *world_, true, 0); };
    const auto error = error_of([&] { open(fresh); });
    ASSERT_TRUE(other_run) << "flock() was not intercepted";
    ASSERT_TRUE(error) << "two runs have the folder";
    EXPECT_EQ(error->kind(), ErrorKind::kCannotCreate);
    EXPECT_THAT(error->what(), testing::HasSubstr("another run"));
    other_run->mark_done("base", "{}");
    EXPECT_TRUE(RunDirectory::is_done(recipe_.run_dir, "base"));
  }
}

}  // namespace
}  // namespace ropeway
