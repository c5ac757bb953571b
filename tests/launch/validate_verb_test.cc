// ropeway validate looks at what a recipe names: every fault at once, at its key.
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kStages =
    "  - {name: search, kind: search, from: none, makes: s, length: 1K, documents: 2, finalist_documents: "
    "1}\n"
    "  - {name: tune, kind: finetune, from: s, makes: t, length: 1K, steps: 10}\n" +
    kEvaluateStage;

TEST(ValidateVerb, SaysWhatItLookedAt) {
  const TempDir scratch;
  const Ended ended = run_ropeway("validate " + small_recipe(scratch, kStages));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(
      ended.out,
      StartsWith("recipe is good: 3 stages\nchecked: model of 1.82M parameters, tokenizer, 1 text of "));
  EXPECT_THAT(ended.out, HasSubstr(" of disk ("));
}

TEST(ValidateVerb, OfflineLooksAtNothingElse) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch, kStages);
  const std::string sets = " --set model.path=nowhere --set data.train=[none.txt]";
  EXPECT_EQ(run_ropeway("validate " + recipe + sets).code, 66);
  const Ended offline = run_ropeway("validate --offline " + recipe + sets);
  EXPECT_EQ(offline.code, 0) << offline.err;
  EXPECT_THAT(offline.out, HasSubstr("checked: nothing but the recipe\n"));
}

TEST(ValidateVerb, ListsEveryInputThatIsNotThere) {
  const TempDir scratch;
  const std::string recipe =
      small_recipe(scratch, kStages + "  - {name: q, kind: evaluate, lengths: [256], requests: [" +
                                scratch.name("q.jsonl") + "]}\n");
  const Ended ended =
      run_ropeway("validate " + recipe +
                  " --set model.path=nowhere --set data.train=[none.txt] --set 'data.test=[a/*.txt, b.txt]'");
  EXPECT_EQ(ended.code, 66);
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("--set model.path=nowhere: model.path: found nowhere, which is not there"),
                    HasSubstr("data.train[0]: "), HasSubstr("data.test[0]: "), HasSubstr("data.test[1]: "),
                    HasSubstr(recipe + ":9:"), HasSubstr("stages[3].requests: ")));
}

TEST(ValidateVerb, TellsTextsThatCannotBeLongEnough) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch, kStages);
  const std::string text = scratch.file("short.txt", std::string(700, 'a'));
  const std::string sets =
      " --set data.train=[" + text + "] --set data.validation=[" + text + "] --set data.test=[" + text + "]";
  const Ended ended = run_ropeway("validate " + recipe + sets + " --set stages.score.lengths=[256,2K]");
  EXPECT_EQ(ended.code, 65);
  EXPECT_THAT(
      ended.err,
      AllOf(HasSubstr("stages[0].documents: found 2 and 1 finalist_documents of 1K, wanted at most the 0 "
                      "windows that data.validation can have"),
            HasSubstr("stages[1].length: found 1K, wanted at most what data.train can have: all of it"),
            HasSubstr("stages[2].lengths: found 2K, wanted at most what data.test can have: its longest")));
  // As many bytes as tokens: it can be, and the run counts.
  const std::string enough = scratch.file("enough.txt", std::string(4096, 'a'));
  EXPECT_EQ(run_ropeway("validate " + recipe + " --set data.validation=[" + enough + "]").code, 0);
}

TEST(ValidateVerb, LooksIntoModelAndTokenizer) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch, kStages);
  std::filesystem::copy(kTinyBase, scratch.path() / "model");
  const std::string set = " --set model.path=" + scratch.name("model");
  EXPECT_EQ(run_ropeway("validate " + recipe + set).code, 0);
  std::filesystem::remove(scratch.path() / "model/tokenizer.json");
  const Ended tokenizer = run_ropeway("validate " + recipe + set);
  EXPECT_EQ(tokenizer.code, 66);
  EXPECT_THAT(tokenizer.err, HasSubstr("model.path: " + scratch.name("model")));
  write_bytes(scratch.path() / "model/model.safetensors", "short");
  const Ended weights = run_ropeway("validate " + recipe + set);
  EXPECT_EQ(weights.code, 65);
  EXPECT_THAT(weights.err, AllOf(HasSubstr("model.safetensors"), HasSubstr("tokenizer")));
}

TEST(ValidateVerb, CountsTheDisksRoom) {
  const TempDir scratch;
  // 10,000 checkpoints of the tiny model are 290 GB.
  const std::string recipe = small_recipe(
      scratch,
      "  - {name: search, kind: search, from: none, makes: s, length: 1K, documents: 2, finalist_documents: "
      "1}\n"
      "  - {name: tune, kind: finetune, from: s, makes: t, length: 1K, steps: 1000000, checkpoint_every: 1, "
      "keep_checkpoints: 1000000}\n");
  const Ended ended = run_ropeway("validate " + recipe);
  EXPECT_EQ(ended.code, 73);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("run_dir: found "), HasSubstr(" free where "),
                               HasSubstr(" for checkpoints and models")));
}

}  // namespace
}  // namespace ropeway
