// Recipes, models, texts and outputs that do not fit: the exit code of each and its one message.
#include <gmock/gmock.h>

#include <map>

#include "kernels/ops/cuda_backend.h"
#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ConfigExit, AGoodRecipeIsSaidToBeGood) {
  const Ended ended = run_ropeway("validate configs/tiny_cpu.yaml --ranks 2");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("recipe is good: 11 stages"));
  EXPECT_THAT(ended.err, IsEmpty());
}

TEST(ConfigExit, EveryErrorOfARecipeIsListed) {
  const TempDir scratch;
  const std::string file = small_recipe(scratch, "  - {name: score, kind: evaluate, lenths: [256]}\n");
  const Ended ended = run_ropeway("validate " + file);
  EXPECT_EQ(ended.code, 78);
  EXPECT_EQ(ended.err, file +
                           ":6:5: stages[0].lengths: found nothing, wanted a list of lengths, [4K, 64K]\n" +
                           file + ":6:35: stages[0].lenths: unknown key; did you mean lengths?\n");
  EXPECT_THAT(ended.out, IsEmpty());
}

TEST(ConfigExit, ARecipeThatDoesNotFitItsModelIsRefusedBeforeWeightsAreRead) {
  const TempDir scratch;
  const std::string file = small_recipe(
      scratch, "  - {name: s, kind: search, from: none, makes: a, length: 256}\n" + kEvaluateStage);
  for (const char* verb : {"validate ", "run "}) {
    const Ended ended = run_ropeway(verb + file);
    EXPECT_EQ(ended.code, 78);
    EXPECT_EQ(ended.err,
              file + ":6:59: stages[0].length: found 256, wanted more than the original window of 256\n");
  }
}

TEST(ConfigExit, ErrorsOfARecipeFromTheCommandLineAloneAreUsage) {
  EXPECT_EQ(run_ropeway("validate configs/tiny_cpu.yaml --set mesh.sequence=x").code, 2);
  EXPECT_EQ(run_ropeway("validate configs/tiny_cpu.yaml --set stages.tune_8x.steps=-1").code, 2);
}

TEST(ConfigExit, RanksThatDoNotFitTheMesh) {
  const Ended ended = run_ropeway("validate configs/tiny_cpu.yaml --ranks 3");
  EXPECT_EQ(ended.code, 78);
  EXPECT_THAT(
      ended.err,
      HasSubstr("stages[0].lengths: found 256, wanted a multiple of 6 (zigzag: 2 x 3 sequence ranks)"));
}

TEST(ConfigExit, MissingRecipesFoldersAndOtherFilesAreMissingInput) {
  for (const char* verb : {"validate ", "run "}) {
    for (const char* path : {"/nowhere.yaml", "configs"}) {
      const Ended ended = run_ropeway(std::string(verb) + path);
      EXPECT_EQ(ended.code, 66);
      EXPECT_THAT(ended.err, StartsWith(std::string("ropeway: ") + path + ": "));
      EXPECT_EQ(times(ended.err, "\n"), 1);
    }
  }
}

// On a machine without a GPU, whether or not the program was built for one.
TEST(ConfigExit, WithoutAGpuAllRanksAreListedBeforeAnythingIsLoaded) {
  if (ops::why_no_cuda().empty()) GTEST_SKIP() << "this machine has a GPU";
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch, kEvaluateStage);
  for (const std::string& arguments :
       {"run " + recipe + " --set device=cuda --set dtype=bf16",
        "evaluate " + kTinyBase + " --text tests/data/prose.txt --device cuda"}) {
    const Ended ended = run_ropeway(arguments);
    EXPECT_EQ(ended.code, 71) << arguments;
    EXPECT_THAT(ended.err, HasSubstr("rank  host"));
    EXPECT_THAT(ended.err, HasSubstr("none: "));
  }
}

TEST(ConfigExit, GpusComputeInBf16Only) {
  const TempDir scratch;
  const Ended run = run_ropeway("run " + small_recipe(scratch, kEvaluateStage) + " --set device=cuda");
  EXPECT_EQ(run.code, 78);
  EXPECT_THAT(run.err, HasSubstr("dtype: found fp32, wanted bf16 with device: cuda"));
  const Ended evaluate =
      run_ropeway("evaluate " + kTinyBase + " --text tests/data/prose.txt --device cuda --dtype fp32");
  EXPECT_EQ(evaluate.code, 2);
  EXPECT_THAT(evaluate.err, HasSubstr("--dtype: found fp32, wanted bf16"));
}

TEST(ConfigExit, RelativePathsThatAreNotThereAreSaidInFull) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch, kEvaluateStage);
  const std::string from = std::filesystem::canonical(scratch.path()).string();
  for (const auto& [setting, said] : std::map<std::string, std::string>{
           {"model.path=no/model",
            "no/model: is not there, wanted a model directory, looked for at " + from + "/no/model"},
           {"data.test=[no.txt]", "'no.txt': no such file, looked for at " + from + "/no.txt"},
           {"data.test=[no*.txt]", "'no*.txt': no file matches, looked for at " + from + "/no*.txt"}}) {
    const Ended ended = run_shell("cd " + from + " && exec {} run " + recipe + " --set '" + setting + "'");
    EXPECT_EQ(ended.code, 66) << setting << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(said));
  }
}

TEST(ConfigExit, MissingModelsAreMissingInput) {
  const TempDir scratch;
  for (const std::string& arguments :
       {std::string("evaluate /nowhere --text tests/data/prose.txt"), std::string("inspect /nowhere"),
        "run " + small_recipe(scratch, kEvaluateStage) + " --set model.path=/nowhere"}) {
    const Ended ended = run_ropeway(arguments);
    EXPECT_EQ(ended.code, 66) << arguments << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("/nowhere: "));
    EXPECT_EQ(times(ended.err, "\n"), 1) << ended.err;
  }
}

TEST(ConfigExit, ATextShorterThanTheLengthIsBadData) {
  const TempDir scratch;
  const std::string text = scratch.file("short.txt", "too short");
  const Ended ended = run_ropeway("evaluate " + kTinyBase + " --text " + text + " --lengths 256 --cache " +
                                  scratch.name("cache"));
  EXPECT_EQ(ended.code, 65) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("short.txt: 9"));
  EXPECT_EQ(times(ended.err, "\n"), 1);
}

TEST(ConfigExit, AMissingTextIsMissingInput) {
  const TempDir scratch;
  const Ended ended = run_ropeway("evaluate " + kTinyBase + " --text " + scratch.name("absent.txt") +
                                  " --cache " + scratch.name("cache"));
  EXPECT_EQ(ended.code, 66) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("absent.txt"));
}

TEST(ConfigExit, AnOutputThatCannotBeWrittenIsFoundBeforeTheWork) {
  const TempDir scratch;
  const std::string blocked = scratch.file("file", "x") + "/out.json";
  const Ended ended = run_ropeway("evaluate /nowhere --text tests/data/prose.txt --json " + blocked);
  EXPECT_EQ(ended.code, 73) << ended.err;  // before the model is even looked for
  EXPECT_EQ(times(ended.err, "\n"), 1);
}

// A seed bears on nothing that this stage does: its figures stay. Another length is evaluated, unasked.
TEST(ConfigExit, AnEvaluationOfAnotherRecipeIsDoneAgainWhereItDiffers) {
  const TempDir scratch;
  const std::string file = small_recipe(scratch, kEvaluateStage);
  ASSERT_EQ(run_ropeway("run " + file).code, 0);
  const Ended seeded = run_ropeway("run " + file + " --set seed=5");
  EXPECT_EQ(seeded.code, 0) << seeded.err;
  EXPECT_THAT(seeded.err, HasSubstr("1 of 1 evaluations were finished earlier"));
  const Ended longer = run_ropeway("run " + file + " --set stages.score.lengths=[512]");
  EXPECT_EQ(longer.code, 0) << longer.err;
  EXPECT_THAT(longer.err, Not(HasSubstr("finished earlier")));
  EXPECT_EQ(run_ropeway("run " + file + " --set seed=5 --fresh").code, 0);
}

TEST(ConfigExit, ADamagedModelIsBadDataForEveryVerb) {
  const TempDir scratch;
  std::filesystem::copy(kTinyBase, scratch.path() / "model", std::filesystem::copy_options::recursive);
  std::filesystem::resize_file(scratch.path() / "model/model.safetensors", 100'000);
  for (const std::string& arguments : {"inspect " + scratch.name("model"),
                                       "evaluate " + scratch.name("model") +
                                           " --text tests/data/prose.txt --cache " + scratch.name("cache")}) {
    const Ended ended = run_ropeway(arguments);
    EXPECT_EQ(ended.code, 65) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("model.safetensors"));
    EXPECT_EQ(times(ended.err, "\n"), 1) << ended.err;
  }
}

}  // namespace
}  // namespace ropeway
