// Every error of a recipe is reported in one go, in the order of the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/config/recipe_text.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(AllAtOnce, GoodRecipesHaveNone) {
  EXPECT_THAT(parse_text(kGoodRecipe, {.overrides = {}, .ranks = 2}).errors, IsEmpty());
  EXPECT_THAT(parse_text(kNewModelRecipe).errors, IsEmpty());
}

TEST(AllAtOnce, ErrorsOfAllSortsComeInTheOrderOfTheFile) {
  const auto result = parse_text(R"(name: demo
sead: 7
model: {path: m}
data: {train: [a], validation: [v]}
mesh: {data: 2, sequence: 2}
stages:
  - name: s
    kind: search
    from: non
    makes: set
    length: 2050
    parents: 65
  - name: s
    kind: finetune
    from: set
    makes: set
    steps: 10
    warmup_steps: 20
    learning_rate: fast
    batch_sequences: 3
  - {name: e, kind: evaluate, lengths: [2K, 3], seeds: paper}
)",
                                 {.overrides = {}, .ranks = 3});
  EXPECT_THAT(
      result.errors,
      ElementsAre(StartsWith("2:1: sead: unknown key; did you mean seed?"),
                  StartsWith("4:7: data.test: found nothing, wanted files for the stage e"),
                  StartsWith("5:27: mesh.sequence: found data 2 x sequence 2 = 4 ranks, wanted the job's 3"),
                  StartsWith("9:11: stages[0].from: found non, wanted none,"),
                  StartsWith("11:13: stages[0].length: found 2050, wanted a multiple of 4"),
                  StartsWith("12:14: stages[0].parents: found 65, wanted at most population = 64"),
                  StartsWith("13:5: stages[1].length: found nothing, wanted a length"),
                  StartsWith("13:11: stages[1].name: found s again"),
                  StartsWith("16:12: stages[1].makes: found set again"),
                  StartsWith("18:19: stages[1].warmup_steps: found 20, wanted at most steps = 10"),
                  StartsWith("19:20: stages[1].learning_rate: found fast, wanted a number"),
                  StartsWith("20:22: stages[1].batch_sequences: found 3, wanted a multiple of mesh.data = 2"),
                  StartsWith("21:40: stages[2].lengths: found 3, wanted a multiple of 4"),
                  StartsWith("21:49: stages[2].seeds: found in a stage of kind evaluate, wanted only in "
                             "readjust and search")));
}

TEST(AllAtOnce, DataRowsMustDivideTheRanks) {
  const auto recipe = replaced(kGoodRecipe, "  data: 1\n  sequence: 2", "  data: 2");
  EXPECT_THAT(parse_text(recipe, {.overrides = {"stages.tune.batch_sequences=2"}, .ranks = 3}).errors,
              ElementsAre("10:9: mesh.data: found 2, wanted a divisor of the job's 3 ranks"));
}

TEST(AllAtOnce, AutomaticSequenceRanksAreCountedWhenTheRanksAreKnown) {
  const auto recipe =
      replaced(replaced(kGoodRecipe, "  sequence: 2", "  sequence: auto"), "[256, 2K]", "[258]");
  EXPECT_THAT(parse_text(recipe).errors, IsEmpty());
  EXPECT_THAT(
      parse_text(recipe, {.overrides = {}, .ranks = 4}).errors,
      ElementsAre(
          "27:14: stages[2].lengths: found 258, wanted a multiple of 8 (zigzag: 2 x 4 sequence ranks)"));
}

TEST(AllAtOnce, ContiguousPlacementNeedsOnePieceARank) {
  const auto recipe = replaced(kGoodRecipe, "  sequence: 2", "  sequence: 2\n  placement: contiguous");
  EXPECT_THAT(parse_text(replaced(recipe, "[256, 2K]", "[258]")).errors, IsEmpty());
  EXPECT_THAT(parse_text(replaced(recipe, "[256, 2K]", "[257]")).errors,
              ElementsAre("28:14: stages[2].lengths: found 257, wanted a multiple of 2 (2 sequence ranks)"));
}

TEST(AllAtOnce, PretrainNeedsAShapeAndTheFirstPlace) {
  const auto recipe = replaced(kGoodRecipe, "    kind: evaluate\n    lengths: [256, 2K]",
                               "    kind: pretrain\n    length: 2K\n    steps: 1");
  EXPECT_THAT(parse_text(recipe).errors,
              ElementsAre(StartsWith("26:11: stages[2].kind: found pretrain as stage 3, wanted it first"),
                          StartsWith("26:11: stages[2].kind: found pretrain without model.architecture")));
}

TEST(AllAtOnce, AStageOfUnknownKindIsOnlyCheckedKeyByKey) {
  const auto recipe = replaced(kGoodRecipe, "    kind: finetune", "    kind: finetun");
  EXPECT_THAT(parse_text(recipe).errors,
              ElementsAre(StartsWith("19:11: stages[1].kind: found finetun, wanted")));
}

TEST(AllAtOnce, SetsMayBeEvaluatedAsTheyAreOrStretched) {
  const auto recipe =
      replaced(kGoodRecipe,
               "    lengths:", "    factors: [auto, none, yarn, tuned, \"stretched:tuned\"]\n    lengths:");
  EXPECT_THAT(parse_text(recipe).errors, IsEmpty());
}

TEST(AllAtOnce, AFineTuneMayBeShorterThanASearchBeforeIt) {
  const std::string stages = R"(  - {name: a, kind: search, from: none, makes: a8, length: 128K}
  - {name: b, kind: search, from: none, makes: a16, length: 256K}
  - {name: c, kind: finetune, from: a8, makes: t8, length: 128K, steps: 4}
  - {name: d, kind: finetune, from: a16, makes: t16, length: 128K, steps: 4}
  - {name: e, kind: search, from: t16, makes: a32, length: 512K}
)";
  const size_t at = kGoodRecipe.find("  - name: search_8x");
  EXPECT_THAT(parse_text(kGoodRecipe.substr(0, at) + stages).errors, IsEmpty());
}

}  // namespace
}  // namespace ropeway
