// Run folders that belong to another run, cannot be written, or have too little room: found before work
// starts.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(RunFolder, OfAnotherRecipeIsRefusedWithTheDifference) {
  const TempDir scratch;
  const std::string run = "run " + training_recipe(scratch);
  ASSERT_EQ(run_ropeway(run).code, 0);
  expect_refusal(run + " --set stages.base.learning_rate=2e-3",
                 {.code = 73,
                  .said = {scratch.name("run") + ": holds a run of another recipe", "--fresh",
                           "--accept-changes", "stage base: learning_rate: there 0.001, here 0.002"}},
                 scratch.path() / "run");
}

TEST(RunFolder, OnAnotherNumberOfRanksIsTheSameRun) {
  const TempDir scratch;
  const std::string run = "run " + training_recipe(scratch);
  ASSERT_EQ(run_ropeway(run).code, 0);
  const Ended ended = mpirun_ropeway(2, run + " --set mesh.data=2 --set engine.tile_tokens=32");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("base: finished earlier, skipped"));
}

TEST(RunFolder, OfALiveRunIsRefusedWithAndWithoutFresh) {
  const TempDir scratch;
  const std::string run = "run " + training_recipe(scratch);
  ASSERT_EQ(run_ropeway(run).code, 0);
  const auto before = files_below(scratch.path() / "run");
  for (const std::string option : {"", " --fresh"}) {
    const Ended ended = run_shell("exec flock " + scratch.name("run/.lock") + " {} " + run + option);
    EXPECT_EQ(ended.code, 73) << ended.err;
    EXPECT_EQ(times(ended.err, scratch.name("run") + ": another run is writing"), 1) << ended.err;
    EXPECT_EQ(times(ended.err, "\n"), 1) << ended.err;
    EXPECT_TRUE(files_below(scratch.path() / "run") == before);
  }
}

TEST(RunFolder, BelowAFileCannotBeMade) {
  const TempDir scratch;
  const std::string blocked = scratch.file("file", "x") + "/run";
  expect_refusal("run " + training_recipe(scratch) + " --set run_dir=" + blocked,
                 {.code = 73, .said = {blocked, "Not a directory"}}, blocked);
}

TEST(RunFolder, OnAReadOnlyFileSystemIsRefused) {
  const TempDir scratch;
  const Tmpfs tmpfs(scratch, "size=64m");
  ROPEWAY_NEEDS_MOUNT(tmpfs);
  fs::create_directory(tmpfs.path() / "there");
  tmpfs.make_read_only();
  for (const char* name : {"there", "new"}) {
    const fs::path folder = tmpfs.path() / name;
    expect_refusal("run " + training_recipe(scratch) + " --set run_dir=" + folder.string(),
                   {.code = 73, .said = {folder.string(), "Read-only file system"}}, folder);
  }
}

TEST(RunFolder, OutputsOfAnEvaluationOnAReadOnlyFileSystemAreRefusedBeforeTheWork) {
  const TempDir scratch;
  const Tmpfs tmpfs(scratch, "size=64m");
  ROPEWAY_NEEDS_MOUNT(tmpfs);
  tmpfs.make_read_only();
  for (const char* option : {"--json", "--save-nll"}) {
    expect_refusal("evaluate /nowhere --lengths 256 --text tests/data/prose.txt " + std::string(option) +
                       " " + (tmpfs.path() / "out").string(),
                   {.code = 73, .said = {"Read-only file system"}}, tmpfs.path());
  }
}

TEST(RunFolder, WithTooLittleRoomIsRefusedWithBothNumbers) {
  const TempDir scratch;
  const Tmpfs tmpfs(scratch, "size=1m");
  ROPEWAY_NEEDS_MOUNT(tmpfs);
  const fs::path folder = tmpfs.path() / "run";
  fs::create_directory(folder);
  expect_refusal("run " + training_recipe(scratch) + " --set run_dir=" + folder.string(),
                 {.code = 73, .said = {folder.string(), "bytes are needed and 1048576 are free"}}, folder);
}

TEST(RunFolder, ARunThatFitsOnceCanBeResumedThoughLessIsFree) {
  const TempDir scratch;
  const Tmpfs tmpfs(scratch, "size=3m");
  ROPEWAY_NEEDS_MOUNT(tmpfs);
  const fs::path folder = tmpfs.path() / "run";
  const std::string run = "run " + training_recipe(scratch) + " --set run_dir=" + folder.string();
  Ended ended = run_ropeway(run);
  ASSERT_EQ(ended.code, 0) << ended.err;
  // Other files leave half of what the first start asked for, 1.6 MB; the run itself holds 1 MB by now.
  const auto free = static_cast<size_t>(fs::space(tmpfs.path()).available);
  ASSERT_GT(free, 800'000u);
  std::ofstream(tmpfs.path() / "other", std::ios::binary) << std::string(free - 800'000, 'x');
  fs::remove(folder / "stages/base/done.json");
  ended = run_ropeway(run);
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST(RunFolder, ATokenCacheThatCannotBeWrittenIsFoundBeforeTheRunFolderIsMade) {
  const TempDir scratch;
  const std::string blocked = scratch.file("file", "x") + "/cache";
  expect_refusal("run " + training_recipe(scratch) + " --set data.cache=" + blocked,
                 {.code = 73, .said = {blocked}}, scratch.path() / "run");
}

// One stage's checkpoints and model fit, those of both do not.
TEST(RunFolder, RoomIsCountedForAllStages) {
  const TempDir scratch;
  const Tmpfs tmpfs(scratch, "size=2m");
  ROPEWAY_NEEDS_MOUNT(tmpfs);
  const fs::path folder = tmpfs.path() / "run";
  fs::create_directory(folder);
  const std::string two = scratch.file(
      "two.yaml", read_bytes(training_recipe(scratch)) +
                      "  - {name: more, kind: finetune, from: none, makes: tuned, length: 128, "
                      "batch_sequences: 4, steps: 4, checkpoint_every: 2, learning_rate: 1e-3}\n");
  expect_refusal("run " + two + " --set run_dir=" + folder.string(),
                 {.code = 73, .said = {folder.string(), "bytes are needed and 2097152 are free"}}, folder);
  const Ended one = run_ropeway("run " + two + " --stage base --set run_dir=" + folder.string());
  EXPECT_EQ(one.code, 0) << one.err;
}

TEST(RunFolder, ThatIsALinkStaysOneAndFreshMovesItsTarget) {
  const TempDir scratch;
  fs::create_directory(scratch.path() / "big_disk");
  fs::create_symlink("big_disk/target", scratch.path() / "run");  // to nothing yet
  const std::string run = "run " + training_recipe(scratch);
  ASSERT_EQ(run_ropeway(run).code, 0);
  scratch.file("big_disk/target/mine", "x");
  const Ended fresh = run_ropeway(run + " --fresh");
  EXPECT_EQ(fresh.code, 0) << fresh.err;
  EXPECT_EQ(fs::read_symlink(scratch.path() / "run"), "big_disk/target");
  EXPECT_TRUE(fs::exists(scratch.path() / "big_disk/target.old-1/mine"));
  EXPECT_FALSE(fs::exists(scratch.path() / "big_disk/target/mine"));
  EXPECT_TRUE(fs::exists(scratch.path() / "big_disk/target/model/config.json"));
  EXPECT_FALSE(fs::exists(scratch.path() / "run.old-1"));
}

TEST(RunFolder, FreshForSomeRanksOnlyIsRefusedNamingThem) {
  const TempDir scratch;
  const std::string run = "{} run " + training_recipe(scratch);
  ASSERT_EQ(run_shell("exec " + run).code, 0);
  const auto before = files_below(scratch.path() / "run");
  const Ended ended = run_shell("exec mpirun -n 1 " + run + " : -n 3 " + run + " --fresh");
  EXPECT_EQ(ended.code, 71) << ended.err;
  EXPECT_EQ(times(own_words(ended), "ranks 1, 2, 3: --fresh"), 1) << ended.err;
  EXPECT_THAT(own_words(ended), HasSubstr("rank 0: neither --fresh nor --stage"));
  EXPECT_TRUE(files_below(scratch.path() / "run") == before);
}

TEST(RunFolder, WithALinkThatLoopsBesideTheCheckpointsIsUsed) {
  const TempDir scratch;
  const std::string run = "run " + training_recipe(scratch);
  fs::create_directories(scratch.path() / "run/stages/base/checkpoints");
  for (const char* name : {"step-000009", "loop"}) {
    fs::create_symlink(name, scratch.path() / "run/stages/base/checkpoints" / name);
  }
  for (int again = 0; again < 2; ++again) {
    const Ended ended = run_ropeway(run);
    EXPECT_EQ(ended.code, 0) << ended.err;
    fs::remove(scratch.path() / "run/stages/base/done.json");
  }
  EXPECT_TRUE(fs::is_symlink(scratch.path() / "run/stages/base/checkpoints/loop"));
}

TEST(RunFolder, IsNotMadeForAPasskeyThatDoesNotFit) {
  const TempDir scratch;
  const std::string recipe = scratch.file(
      "passkey.yaml",
      read_bytes(training_recipe(scratch)) +
          "  - {name: keys, kind: evaluate, lengths: [32], tasks: [passkey], factors: [none]}\n");
  expect_refusal("run " + recipe + " --set data.test=[tests/data/prose.txt]",
                 {.code = 78, .said = {"stage keys: length 32 is too short for the passkey's needle"}},
                 scratch.path() / "run");
}

}  // namespace
}  // namespace ropeway
