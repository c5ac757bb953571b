// The command line of a run that is steered: what is shown, refused, and with which code.
#include <gmock/gmock.h>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using ::testing::Not;
namespace fs = std::filesystem;

class RunSteering : public testing::Test {
 protected:
  RunSteering() {
    const std::string prose = top_folder() + "/tests/data/prose.txt";
    std::string text = read_bytes(training_recipe(scratch_));
    text.replace(text.find("data: {"), 7, "data: {validation: [" + prose + "], test: [" + prose + "], ");
    recipe_ = scratch_.file(
        "recipe.yaml",
        text +
            "  - {name: wide, kind: search, from: none, makes: wide, length: 128, documents: 1, "
            "finalist_documents: 1, refine: none, seed_grid: short}\n"
            "  - {name: scores, kind: evaluate, lengths: [128], factors: [wide], tasks: [perplexity], "
            "windows: 1}\n");
  }
  Ended run(const std::string& options = "") const { return run_ropeway("run " + recipe_ + " " + options); }
  Ended status() const { return run_ropeway("status " + scratch_.name("run")); }

  TempDir scratch_;
  std::string recipe_;
};

TEST_F(RunSteering, StatusAndADryRunShowEachStageAndWriteNothing) {
  Ended ended = run("--dry-run");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("base    pretrain  to do\n"), HasSubstr("scores  evaluate  to do\n")));
  EXPECT_FALSE(fs::exists(scratch_.path() / "run"));
  ASSERT_EQ(run("--stage base").code, 0);
  const auto before = files_below(scratch_.path() / "run");
  ended = status();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("base    pretrain  done\n"), HasSubstr("wide    search    to do\n")));
  ended = run("--dry-run --set stages.base.steps=6");
  EXPECT_THAT(ended.out, AllOf(HasSubstr("base    pretrain  goes on  after step 4 of 6\n"),
                               HasSubstr("steps: there 4, here 6\n"), Not(HasSubstr("refused"))));
  ended = run("--dry-run --set seed=9");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("again    seed: there 0, here 9"), HasSubstr("would be refused"),
                               HasSubstr("--accept-changes")));
  EXPECT_TRUE(files_below(scratch_.path() / "run") == before);
  EXPECT_EQ(mpirun_ropeway(2, "run " + recipe_ + " --dry-run").out, run("--dry-run").out);
}

TEST_F(RunSteering, StatusOfWhatIsNoRunFolderIsRefused) {
  expect_refusal("status " + scratch_.path().string(),
                 {.code = 66, .said = {"is no run folder"}, .ranks = {1}}, scratch_.path() / "run");
}

TEST_F(RunSteering, AStageWithoutWhatItStartsFromIsRefusedNamingItsMaker) {
  expect_refusal(
      "run " + recipe_ + " --stage scores",
      {.code = 66,
       .said = {"stage scores needs weights of stage base, which is not done", "--with-dependencies"}},
      scratch_.path() / "run");
  const Ended ended = run("--stage scores --with-dependencies");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("wide"));
}

TEST_F(RunSteering, StagesAfterOneAreRunBehindIt) {
  ASSERT_EQ(run("--stage base").code, 0);
  Ended ended = run("--stage-after base");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("stage wide (search)"), HasSubstr("stage scores (evaluate)")));
  expect_refusal("run " + recipe_ + " --stage-after scores", {.code = 2, .said = {"it is the last stage"}},
                 scratch_.path() / "run");
  expect_refusal("run " + recipe_ + " --stage-after nowhere",
                 {.code = 2, .said = {"--stage-after nowhere: no such stage; there are base, wide, scores"}},
                 scratch_.path() / "run");
  expect_refusal("run " + recipe_ + " --stage-after base --stage wide",
                 {.code = 2, .said = {"--stage-after"}}, scratch_.path() / "run");
}

TEST_F(RunSteering, ALowerLearningRateGoesOnFromAnEarlierCheckpoint) {
  ASSERT_EQ(run("--stage base").code, 0);
  const std::string lower = "--set stages.base.learning_rate=1e-4 --resume-from ";
  expect_refusal("run " + recipe_ + " " + lower + "3",
                 {.code = 66, .said = {"stage base: no checkpoint of step 3; there are those of 2, 4"}},
                 scratch_.path() / "run");
  const Ended ended = run(lower + "2");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("base: back to step 2"), HasSubstr("resumes after step 2")));
  EXPECT_THAT(status().out, HasSubstr("base    pretrain  done\n"));
}

TEST_F(RunSteering, OptionsThatDoNotGoTogetherAreRefused) {
  for (const char* options : {"--fresh --accept-changes", "--fresh --resume-from 2", "--with-dependencies",
                              "--resume-from 0", "--resume-from x"}) {
    expect_refusal("run " + recipe_ + " " + options, {.code = 2, .said = {"ropeway"}, .ranks = {1}},
                   scratch_.path() / "run");
  }
}

}  // namespace
}  // namespace ropeway
