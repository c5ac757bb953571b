// What an export of a run says of the run: name, recipe and model card, and whether it is finished.
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kSearch =
    "  - {name: wide, kind: search, from: none, makes: wide, length: 512, documents: 1, finalist_documents: "
    "1, refine: none}\n";
const std::string kTune =
    "  - {name: tune, kind: finetune, from: wide, makes: tuned, length: 512, steps: 1, checkpoint_every: "
    "1}\n";
const std::string kScore =
    "  - {name: score, kind: evaluate, lengths: [512], factors: [auto], tasks: [perplexity], windows: 1}\n";

class ExportRun : public testing::Test {
 protected:
  // The base has a card and a recipe of its own.
  ExportRun() {
    fs::copy(kTinyBase, scratch_.path() / "base");
    scratch_.file("base/README.md", "the card of the base");
    std::string recipe = read_bytes(small_recipe(scratch_, kSearch + kTune + kScore));
    recipe.replace(recipe.find(kTinyBase), kTinyBase.size(), scratch_.name("base"));
    recipe_ = scratch_.file("recipe.yaml", recipe);
  }
  void run(const std::string& options = "") {
    const Ended ended = run_ropeway("run " + recipe_ + options);
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  Ended export_it(const std::string& source, const std::string& out, const std::string& options = "") const {
    return run_ropeway("export " + scratch_.name(source) + " " + scratch_.name(out) + " --format hf --force" +
                       options);
  }
  std::string text_in(const std::string& name) const { return read_bytes(scratch_.path() / name); }

  TempDir scratch_;
  std::string recipe_;
};

TEST_F(ExportRun, HasTheRunsRecipeAndCard) {
  run(" --set seed=3");
  EXPECT_THAT(text_in("run/report.json"),
              HasSubstr("\"ropeway run " + scratch_.name("recipe.yaml") + " --set seed=3\""));
  for (const char* model : {"run/model", "run/stages/tune/model"}) {
    EXPECT_EQ(text_in(std::string(model) + "/README.base.md"), "the card of the base");
    EXPECT_FALSE(fs::exists(scratch_.path() / model / "README.md"));
  }
  const std::string checkpoint = "run/stages/tune/checkpoints/step-000001";
  for (const std::string& source : {std::string("run"), std::string("run/model"), checkpoint}) {
    SCOPED_TRACE(source);
    const Ended ended = export_it(source, "out");
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(text_in("out/recipe.yaml"), AllOf(HasSubstr("name: small\n"), HasSubstr("makes: tuned")));
    EXPECT_EQ(text_in("out/README.base.md"), "the card of the base");
    EXPECT_THAT(
        text_in("out/README.md"),
        AllOf(HasSubstr(source == checkpoint ? "# `small tune step-000001`" : "# `small`"),
              HasSubstr(scratch_.name("base")), HasSubstr("| `wide` | 512 |"), HasSubstr("| `tuned` | 512 |"),
              HasSubstr("tuned  tuned"), HasSubstr("ropeway export " + scratch_.name(source)),
              HasSubstr(sha256_of_file(scratch_.path() / "out/recipe.yaml")),
              Not(HasSubstr("not finished"))));
  }
  // The hash is that which the sets name, and the recipe is one that can be run.
  EXPECT_THAT(text_in("out/rope_factors.json"),
              HasSubstr(sha256_of_file(scratch_.path() / "out/recipe.yaml")));
  EXPECT_EQ(run_ropeway("validate " + scratch_.name("out/recipe.yaml")).code, 0);
}

TEST_F(ExportRun, AModelThatWasCopiedOutOfItsRunStillHasItsRecipe) {
  run();
  fs::copy(scratch_.path() / "run/model", scratch_.path() / "moved");
  fs::copy(scratch_.path() / "run/stages/tune/checkpoints/step-000001", scratch_.path() / "step-000001");
  for (const char* source : {"moved", "step-000001"}) {
    ASSERT_EQ(export_it(source, "out").code, 0);
    EXPECT_THAT(text_in("out/recipe.yaml"), HasSubstr("name: small\n")) << source;
  }
  // Its card says what the model itself does: there is nothing else to be known of the run.
  EXPECT_THAT(text_in("out/README.md"),
              AllOf(HasSubstr("# `small`"), HasSubstr("| `tuned` | 512 |"), Not(HasSubstr("## Evaluation"))));
  EXPECT_EQ(text_in("out/README.base.md"), "the card of the base");
}

TEST_F(ExportRun, AnUnfinishedOneIsExportedOnlyWhenThatIsMeant) {
  run(" --stage wide --stage tune");
  for (const char* source : {"run", "run/model"}) {
    const Ended refused = export_it(source, "out");
    EXPECT_EQ(refused.code, 65);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("score is not done yet"), HasSubstr("--unfinished")));
    EXPECT_FALSE(fs::exists(scratch_.path() / "out"));
  }
  EXPECT_EQ(export_it("run/stages/tune/checkpoints/step-000001", "out").code, 0);  // named, so meant
  const Ended meant = export_it("run", "out", " --unfinished");
  EXPECT_EQ(meant.code, 0) << meant.err;
  EXPECT_THAT(text_in("out/README.md"),
              AllOf(HasSubstr("**The run was not finished**: score had not been done."),
                    HasSubstr("The run evaluated nothing.")));
  run();
  EXPECT_EQ(export_it("run", "out").code, 0);
}

TEST_F(ExportRun, AGgufFileHasTheRunsNameAndIsWarnedOfForItsOwnReader) {
  ROPEWAY_NEEDS_PYTHON();
  run();
  const Ended ended = run_ropeway("export " + scratch_.name("run") + " " + scratch_.name("out.gguf") +
                                  " --format gguf --factors wide --short-factors none");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("'wide' where a sequence's share"), HasSubstr("Give -c 512")));
  EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("transformers")));
  EXPECT_EQ(run_python("import gguf\nfields = gguf.GGUFReader('" + scratch_.name("out.gguf") +
                       "').fields\nprint(fields['general.name'].contents())\n"),
            "small\n");
}

}  // namespace
}  // namespace ropeway
