// Under mpirun: one message in all, and the same exit code from every rank.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Each process writes its own exit code to a file of its rank.
Ended on_two_ranks(const TempDir& scratch, const std::string& arguments) {
  const std::string script =
      scratch.file("rank.sh", program() + " " + arguments + "\ncode=$?\necho $code > " +
                                  scratch.name("code.") + "$OMPI_COMM_WORLD_RANK\nexit $code\n");
  return run_shell("exec mpirun -n 2 sh " + script);
}

struct BadStart {
  const char* name;
  const char* arguments;
  int code;
  const char* message;
};
void PrintTo(const BadStart& start, std::ostream* out) { *out << start.name; }

class CliRanks : public ::testing::TestWithParam<BadStart> {};

TEST_P(CliRanks, SayItOnceAndEndAlike) {
  const TempDir scratch;
  const Ended ended = on_two_ranks(scratch, GetParam().arguments);
  EXPECT_EQ(times(ended.err, GetParam().message), 1) << ended.err;
  const std::string code = std::to_string(GetParam().code) + "\n";
  EXPECT_EQ(read_bytes(scratch.name("code.0")), code);
  EXPECT_EQ(read_bytes(scratch.name("code.1")), code);
  EXPECT_EQ(ended.code, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(
    All, CliRanks,
    ::testing::Values(BadStart{"unknown_verb", "vaildate x", 2, "unknown verb 'vaildate'"},
                      BadStart{"unknown_option", "run x --frsh", 2, "unknown option --frsh"},
                      BadStart{"missing_recipe", "run /nowhere.yaml", 66, "/nowhere.yaml: "},
                      BadStart{"validate_missing", "validate /nowhere.yaml", 66, "/nowhere.yaml: "},
                      BadStart{"bad_mesh", "run configs/tiny_cpu.yaml --set mesh.sequence=4", 2,
                               "mesh.sequence: found data 1 x sequence 4"},
                      BadStart{"missing_model", "evaluate /nowhere --text README.md", 66, "/nowhere: "},
                      BadStart{"inspect_missing", "inspect /nowhere", 66, "/nowhere: "}),
    [](const auto& info) { return info.param.name; });

TEST(CliRanks, VerbsThatOnlyLookPrintOnce) {
  const Ended ended = mpirun_ropeway(2, "validate configs/tiny_cpu.yaml --ranks 2");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(times(ended.out, "recipe is good"), 1);
  EXPECT_EQ(times(mpirun_ropeway(2, "version").out, "libtorch"), 1);
  EXPECT_EQ(times(mpirun_ropeway(2, "run --help").out, "usage:"), 1);
}

// Another commit is a copy of the program that says so.
TEST(CliRanks, ProgramsOfDifferentCommitsAreRefused) {
  const TempDir scratch;
  const std::string version = run_ropeway("version").out;
  const std::string commit = version.substr(version.find('(') + 1, version.find(',') - version.find('(') - 1);
  ASSERT_GE(commit.size(), 7U) << version;
  std::string bytes = read_bytes(program());
  int changed = 0;
  for (size_t at = 0; (at = bytes.find(commit, at)) != std::string::npos; ++changed)
    bytes.replace(at, commit.size(), std::string(commit.size(), 'f'));
  ASSERT_GE(changed, 1);
  const std::string other = scratch.file("other", bytes);
  std::filesystem::permissions(other, std::filesystem::perms::owner_all);
  const std::string run = " run " + small_recipe(scratch, kEvaluateStage);
  const Ended ended = run_shell("exec mpirun -n 1 {}" + run + " : -n 1 " + other + run);
  EXPECT_EQ(ended.code, 71) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(fmt::format("({},", commit)));
  EXPECT_THAT(ended.err, HasSubstr(fmt::format("({},", std::string(commit.size(), 'f'))));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "run"));
}

TEST(CliRanks, RecipesThatDifferBetweenRanksAreRefused) {
  const TempDir scratch;
  const std::string good = small_recipe(scratch, kEvaluateStage);
  const std::string other = scratch.file("other.yaml", read_bytes(good) + "seed: 3\n");
  const Ended ended = run_shell("exec mpirun -n 1 {} run " + good + " : -n 1 {} run " + other);
  EXPECT_EQ(ended.code, 78) << ended.err;
  EXPECT_EQ(times(ended.err, "rank 0 and rank(s) 1 read different recipes"), 1);
}

TEST(CliRanks, AFailureOnOneRankAloneEndsTheJobAndNamesTheRank) {
  const TempDir scratch;
  const std::string text = " --text tests/data/prose.txt --windows 1 --cache " + scratch.name("cache");
  const Ended ended =
      run_shell("exec mpirun -n 1 {} evaluate " + kTinyBase + text + " : -n 1 {} evaluate /nowhere" + text);
  EXPECT_EQ(ended.code, 66) << ended.err;
  EXPECT_EQ(times(ended.err, "ropeway: rank 1: /nowhere: "), 1) << ended.err;
  EXPECT_EQ(times(ended.err, "ropeway: "), 1) << ended.err;
}

TEST(CliRanks, ThreadsAreTheRanksShareOfTheCoresUnlessOmpNumThreadsIsSet) {
  const TempDir scratch;
  const std::string evaluate = " {} evaluate " + kTinyBase +
                               " --text tests/data/prose.txt --windows 1 --cache " + scratch.name("cache");
  const Ended alone = run_shell("exec env -u OMP_NUM_THREADS taskset -c 0" + evaluate);
  EXPECT_EQ(times(alone.err, "1 thread per rank"), 1) << alone.err;
  const Ended two = run_shell("exec env -u OMP_NUM_THREADS taskset -c 0 mpirun -n 2" + evaluate);
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(times(two.err, "per rank (OMP_NUM_THREADS"), 1) << two.err;
  EXPECT_EQ(times(run_shell("OMP_NUM_THREADS=2 exec" + evaluate).err, "per rank"), 0);
}

TEST(CliRanks, ARequestToStopIsSavedAndEndsWith75) {
  const TempDir scratch;
  const std::string file = small_recipe(scratch,
                                        "  - {name: tune, kind: finetune, from: none, makes: t, length: 512, "
                                        "steps: 100000, batch_sequences: 2}\n");
  // Asks as soon as the first step is recorded.
  const Ended ended =
      run_shell("mpirun -n 2 {} run " + file + " & job=$!\nwhile kill -0 $job 2>/dev/null && ! [ -s " +
                scratch.name("run/metrics.jsonl") + " ]; do sleep 0.05; done\nkill -USR1 $job\nwait $job");
  EXPECT_EQ(ended.code, 75) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("run the same command again"));
  EXPECT_EQ(times(ended.err, "run the same command again"), 1) << ended.err;
  bool saved = false;
  for (const auto& entry :
       std::filesystem::directory_iterator(scratch.path() / "run/stages/tune/checkpoints")) {
    saved = saved || std::filesystem::exists(entry.path() / "manifest.json");
  }
  EXPECT_TRUE(saved);
}

}  // namespace
}  // namespace ropeway
