#include "trainer/stages/run_directory.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/config/recipe_writer.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RunDirectoryTest : public testing::Test {
 protected:
  RunDirectoryTest() : recipe_(recipe_in(folder_, kPretrain)) {}

  void open(const Recipe& recipe, bool fresh = false, int64_t bytes = 0) {
    const RunDirectory directory(identity_of(recipe), *world_, fresh, bytes);
  }
  void expect_refused(const Recipe& recipe, bool fresh, int64_t bytes,
                      const testing::Matcher<std::string>& message) {
    const auto error = error_of([&] { open(recipe, fresh, bytes); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kCannotCreate) << error->what();
    EXPECT_THAT(std::string(error->what()), message);
  }

  TempDir folder_;
  std::unique_ptr<Communicator> world_ = make_world_of_one();
  Recipe recipe_;
};

TEST_F(RunDirectoryTest, HoldsTheResolvedRecipe) {
  open(recipe_);
  const RecipeResult parsed = parse_recipe(folder_ / "run/recipe.yaml");
  EXPECT_TRUE(parsed.errors.empty());
  EXPECT_EQ(recipe_to_yaml(parsed.recipe), recipe_to_yaml(recipe_));
}

TEST_F(RunDirectoryTest, ADoneStageIsRemembered) {
  EXPECT_FALSE(RunDirectory::is_done(recipe_.run_dir, "base"));
  {
    const RunDirectory directory(identity_of(recipe_), *world_, false, 0);
    EXPECT_FALSE(RunDirectory::is_done(recipe_.run_dir, "base"));
    directory.mark_done("base", "{}");
  }
  open(recipe_);
  EXPECT_TRUE(RunDirectory::is_done(recipe_.run_dir, "base"));
}

TEST_F(RunDirectoryTest, MeshEngineAndPlacesMayChange) {
  open(recipe_);
  Recipe other = recipe_;
  other.mesh = {.data = 2, .sequence = 4, .placement = Placement::kContiguous};
  other.engine.tile_tokens = 64;
  other.source_file = "elsewhere.yaml";
  other.data.cache = "elsewhere";
  other.stages[0].line = 99;
  open(other);
  EXPECT_THAT(read_bytes(folder_ / "run/recipe.yaml"), HasSubstr("elsewhere"));
  fs::rename(folder_ / "run", folder_ / "moved");
  other.run_dir = (folder_ / "moved").string();
  open(other);
}

TEST_F(RunDirectoryTest, FreshMovesTheEarlierRunAside) {
  open(recipe_);
  write_bytes(folder_ / "run/kept", "1");
  Recipe other = recipe_;
  other.seed = 5;
  open(other, true);
  EXPECT_FALSE(fs::exists(folder_ / "run/kept"));
  EXPECT_EQ(read_bytes(folder_ / "run.old-1/kept"), "1");
  other.run_dir += "/";
  open(other, true);
  EXPECT_TRUE(fs::exists(folder_ / "run.old-2/recipe.yaml"));
  EXPECT_EQ(read_bytes(folder_ / "run.old-1/kept"), "1");
}

TEST_F(RunDirectoryTest, FreshWithoutAnEarlierRunIsAStart) {
  open(recipe_, true);
  EXPECT_TRUE(fs::exists(folder_ / "run/recipe.yaml"));
}

// A process that holds the folder until it is killed.
class LiveRun {
 public:
  LiveRun(const Recipe& recipe, Communicator& world) {
    int ready[2];
    if (::pipe(ready) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      const RunDirectory directory(identity_of(recipe), world, false, 0);
      if (::write(ready[1], "r", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char byte = 0;
    ::close(ready[1]);
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
  }
  ~LiveRun() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

TEST_F(RunDirectoryTest, AFolderThatALiveRunWritesToIsRefused) {
  LiveRun live(recipe_, *world_);
  const auto before = files_in(folder_.path());
  expect_refused(recipe_, false, 0, AllOf(HasSubstr((folder_ / "run").string()), HasSubstr("another run")));
  EXPECT_EQ(files_in(folder_.path()), before);
}

TEST_F(RunDirectoryTest, FreshDoesNotMoveALiveRunAway) {
  LiveRun live(recipe_, *world_);
  const auto before = files_in(folder_.path());
  expect_refused(recipe_, true, 0, HasSubstr("another run"));
  EXPECT_EQ(files_in(folder_.path()), before);
}

TEST_F(RunDirectoryTest, AKilledRunHoldsNothing) {
  LiveRun live(recipe_, *world_);
  live.kill();
  open(recipe_);
}

TEST_F(RunDirectoryTest, AFolderThatCannotBeMadeIsRefused) {
  write_bytes(folder_ / "file", "x");
  for (const std::string& path : {(folder_ / "file").string(), (folder_ / "file/run").string()}) {
    for (const bool fresh : {false, true}) {
      Recipe blocked = recipe_;
      blocked.run_dir = path;
      expect_refused(blocked, fresh, 0, HasSubstr(path));
      EXPECT_EQ(read_bytes(folder_ / "file"), "x");
    }
  }
}

TEST_F(RunDirectoryTest, TooLittleRoomIsFoundBeforeAFileIsWritten) {
  const int64_t wanted = int64_t{1} << 61;
  expect_refused(
      recipe_, false, wanted,
      AllOf(HasSubstr((folder_ / "run").string()), HasSubstr(fmt::format("{}", wanted)), HasSubstr("free")));
  EXPECT_TRUE(files_in(folder_ / "run").empty());
}

TEST_F(RunDirectoryTest, EveryRankHearsWhyItWasRefused) {
  const LiveRun live(recipe_, *world_);
  std::vector<std::string> messages(3);
  run_thread_world(3, [&](Communicator& world) {
    const auto error = error_of([&] { RunDirectory(identity_of(recipe_), world, false, 0); });
    messages[static_cast<size_t>(world.rank())] = error ? error->what() : "";
  });
  for (const std::string& message : messages) EXPECT_THAT(message, HasSubstr("another run"));
}

}  // namespace
}  // namespace ropeway
