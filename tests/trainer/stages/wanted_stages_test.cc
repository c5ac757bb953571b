// What the result of a stage depends on: which keys, files and stages, and which not.
#include "trainer/stages/wanted_stages.h"

#include "tests/trainer/stages/stage_case.h"
#include "trainer/stages/stage_inputs.h"

namespace ropeway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kSchedule =
    kPretrain + kSearchWide +
    "  - {name: far, kind: search, from: none, makes: far, length: 256, documents: 2, finalist_documents: 1, "
    "gradient_steps: 2}\n"
    "  - {name: before, kind: evaluate, lengths: [32], factors: [auto], tasks: [perplexity]}\n"
    "  - {name: tune, kind: finetune, from: wide, makes: tuned, length: 128, steps: 2}\n"
    "  - {name: more, kind: search, from: tuned, makes: more, length: 256, documents: 2, finalist_documents: "
    "1, "
    "refine: evolution}\n"
    "  - {name: short, kind: readjust, from: tuned, makes: short, length: 32, documents: 2, "
    "finalist_documents: 1}\n"
    "  - {name: after, kind: evaluate, lengths: [32, 64], factors: [auto, far, yarn], tasks: [perplexity], "
    "gate: {max_short_loss: 1}}\n"
    "  - {name: first, kind: evaluate, model: base, lengths: [32], factors: [none], tasks: [perplexity]}\n";

class WantedStagesTest : public testing::Test {
 protected:
  WantedStagesTest() : recipe_(recipe_in(folder_, kSchedule)) {}

  std::vector<std::string> makers(const std::string& name) const {
    std::vector<std::string> found;
    for (size_t i = 0; i < recipe_.stages.size(); ++i) {
      if (recipe_.stages[i].name != name) continue;
      for (const StageInput& input : inputs_of_stage(recipe_, i, 32)) {
        found.push_back(fmt::format("{} of {}", input.what, input.maker));
      }
    }
    return found;
  }

  // The stages whose identity another value of a key changes.
  std::vector<std::string> changed_by(const std::string& key, const std::string& value) const {
    const RecipeResult other =
        parse_recipe(folder_ / "recipe.yaml", {.overrides = {fmt::format("{}={}", key, value)}, .ranks = 1});
    EXPECT_THAT(other.errors, IsEmpty());
    const auto before = wanted_stages(recipe_, {}), now = wanted_stages(other.recipe, {});
    std::vector<std::string> names;
    for (size_t i = 0; i < before.size(); ++i) {
      if (!(before[i].identity == now[i].identity)) names.push_back(before[i].name);
    }
    return names;
  }

  TempDir folder_;
  Recipe recipe_;
};

TEST_F(WantedStagesTest, StartFromWhatStagesBeforeThemMake) {
  EXPECT_THAT(makers("base"), IsEmpty());
  EXPECT_THAT(makers("wide"), ElementsAre("weights of base"));
  // A longer search begins with what a shorter one found.
  EXPECT_THAT(makers("far"), ElementsAre("weights of base", "factors wide of wide"));
  EXPECT_THAT(makers("before"), ElementsAre("weights of base", "factors wide of wide", "factors far of far"));
  EXPECT_THAT(makers("tune"), ElementsAre("weights of base", "factors wide of wide"));
  EXPECT_THAT(makers("more"), ElementsAre("weights of tune", "factors tuned of tune"));
  EXPECT_THAT(makers("short"), ElementsAre("weights of tune", "factors tuned of tune"));
  EXPECT_THAT(makers("after"),
              UnorderedElementsAre("weights of tune", "factors tuned of tune", "factors more of more",
                                   "factors short of short", "factors far of far", "figures of before"));
  EXPECT_THAT(makers("first"), IsEmpty());
}

TEST_F(WantedStagesTest, GoByTheKeysThatBearOnThem) {
  EXPECT_THAT(changed_by("stages.tune.learning_rate", "1e-3"), ElementsAre("tune"));
  EXPECT_THAT(changed_by("stages.tune.steps", "9"), ElementsAre("tune"));
  EXPECT_THAT(changed_by("stages.wide.documents", "3"), ElementsAre("wide"));
  EXPECT_THAT(changed_by("seed", "9").size(), recipe_.stages.size());
  EXPECT_THAT(changed_by("data.document_mask", "documents"), ElementsAre("base", "tune"));
  // wide does not refine and `more` refines by evolution: neither reads the training text.
  EXPECT_THAT(changed_by("data.packing", "documents"), ElementsAre("base", "far", "tune", "short"));
}

TEST_F(WantedStagesTest, PlacesCadencesRanksAndTheEngineBearOnNothing) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"name", "other"},
                                                        {"run_dir", "elsewhere"},
                                                        {"data.cache", "elsewhere"},
                                                        {"data.max_document", "1000000"},
                                                        {"mesh.placement", "contiguous"},
                                                        {"engine.tile_tokens", "64"},
                                                        {"engine.hang_seconds", "9"},
                                                        {"engine.compare_every", "0"},
                                                        {"stages.tune.checkpoint_every", "1"},
                                                        {"stages.tune.keep_checkpoints", "7"},
                                                        {"stages.tune.max_skipped_steps", "7"}}) {
    EXPECT_THAT(changed_by(key, value), IsEmpty()) << key;
  }
}

TEST_F(WantedStagesTest, KeysOfAWayThatIsNotTakenBearOnNothing) {
  EXPECT_THAT(changed_by("stages.far.gradient_steps", "3"), ElementsAre("far"));
  EXPECT_THAT(changed_by("stages.more.gradient_steps", "3"), IsEmpty());
  EXPECT_THAT(changed_by("stages.more.population", "80"), ElementsAre("more"));
  EXPECT_THAT(changed_by("stages.far.population", "80"), IsEmpty());
  EXPECT_THAT(changed_by("stages.far.beta_fast", "64"), IsEmpty());
  EXPECT_THAT(changed_by("stages.far.seed_grid", "full"), ElementsAre("far"));
}

TEST_F(WantedStagesTest, GoByTheContentOfTheTextsTheyRead) {
  RunContents contents;
  const auto text = [&](IdentityKind kind, const std::string& hash) {
    contents.texts[kind] = {{kind, "1 text.txt", hash}};
    const auto stages = wanted_stages(recipe_, contents);
    return stages;
  };
  text(IdentityKind::kTrainText, "a");
  text(IdentityKind::kValidationText, "a");
  const auto before = text(IdentityKind::kTestText, "a");
  const auto changed = [&](const std::vector<WantedStage>& now) {
    std::vector<std::string> names;
    for (size_t i = 0; i < now.size(); ++i) {
      if (!(now[i].identity == before[i].identity)) names.push_back(now[i].name);
    }
    return names;
  };
  EXPECT_THAT(changed(text(IdentityKind::kTrainText, "b")), ElementsAre("base", "far", "tune", "short"));
  text(IdentityKind::kTrainText, "a");
  EXPECT_THAT(changed(text(IdentityKind::kValidationText, "b")), ElementsAre("wide", "far", "more", "short"));
  text(IdentityKind::kValidationText, "a");
  EXPECT_THAT(changed(text(IdentityKind::kTestText, "b")), ElementsAre("before", "after", "first"));
}

TEST_F(WantedStagesTest, OnlyStagesThatWorkOnThemGoByTheWeightsOfTheModel) {
  RunContents contents{
      .has_model_files = true, .model = {{IdentityKind::kModel, "config.json", "c"}}, .weights = "a"};
  const auto before = wanted_stages(recipe_, contents);
  contents.weights = "b";
  const auto now = wanted_stages(recipe_, contents);
  std::vector<std::string> names;
  for (size_t i = 0; i < now.size(); ++i) {
    if (!(now[i].identity == before[i].identity)) names.push_back(now[i].name);
  }
  EXPECT_THAT(names, ElementsAre("base", "first"));
}

}  // namespace
}  // namespace ropeway
