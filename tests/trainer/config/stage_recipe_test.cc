// A stage holds the options of its kind, and no others.
#include "trainer/config/stage_recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/trainer/config/recipe_text.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(StageRecipe, RefusesTheOptionsOfAnotherKind) {
  StageRecipe stage(StageKind::kSearch);
  stage.name = "seek";
  EXPECT_EQ(stage.search().documents, 5);
  try {
    stage.train();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInternal);
    EXPECT_THAT(error.what(), HasSubstr("stage \"seek\" of kind search"));
  }
  EXPECT_THROW(stage.evaluate(), Error);
  EXPECT_THROW(StageRecipe(StageKind::kEvaluate).search(), Error);
  EXPECT_THROW(StageRecipe(StageKind::kFinetune).evaluate(), Error);
}

TEST(StageRecipe, KeepsItsOptionsWhereTheNewKindHasTheSameOnes) {
  StageRecipe stage(StageKind::kPretrain);
  stage.train().steps = 7;
  stage.set_kind(StageKind::kFinetune);
  EXPECT_EQ(stage.train().steps, 7);
  stage.set_kind(StageKind::kReadjust);
  stage.set_kind(StageKind::kFinetune);
  EXPECT_EQ(stage.train().steps, 0);
}

TEST(StageRecipe, LengthsAreThoseOfItsKind) {
  StageRecipe tune(StageKind::kFinetune), seek(StageKind::kReadjust), score(StageKind::kEvaluate);
  tune.train().length = 100;
  seek.search().length = 200;
  score.evaluate().lengths = {3, 4};
  EXPECT_THAT(lengths_of(tune), ElementsAre(100));
  EXPECT_THAT(lengths_of(seek), ElementsAre(200));
  EXPECT_THAT(lengths_of(score), ElementsAre(3, 4));
}

TEST(StageRecipe, ReadsItsKeysInAnyOrder) {
  const auto result = parse_text(replaced(kGoodRecipe, R"(  - name: tune
    kind: finetune
    from: searched
    makes: tuned
    length: 2K
    steps: 100
)",
                                          R"(  - steps: 100
    length: 2K
    kind: finetune
    makes: tuned
    name: tune
    from: searched
)"));
  ASSERT_THAT(result.errors, ElementsAre());
  EXPECT_EQ(result.recipe.stages[1].train().steps, 100);
  EXPECT_EQ(result.recipe.stages[1].train().length, 2048);
}

TEST(StageRecipe, ValuesOfAStageOfUnknownKindAreStillLookedAt) {
  const auto result = parse_text(
      replaced(replaced(kGoodRecipe, "kind: finetune", "kind: finetun"), "steps: 100", "steps: many"));
  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("stages[1].kind: found finetun"),
                                         HasSubstr("stages[1].steps: found many, wanted an integer")));
}

TEST(EvaluateRecipeTest, SeveralLengthsAreAlignedUnlessTheRecipeSaysOtherwise) {
  EvaluateRecipe recipe;
  recipe.lengths = {2048, 256};
  EXPECT_EQ(recipe.aligned_lengths(), (std::vector<int64_t>{256, 2048}));
  recipe.aligned_with = {16384, 256};
  EXPECT_EQ(recipe.aligned_lengths(), (std::vector<int64_t>{256, 2048, 16384}));
  EXPECT_EQ(recipe.longest(), 16384);
  recipe.stride = 128;
  EXPECT_TRUE(recipe.aligned_lengths().empty());
  recipe = {};
  recipe.lengths = {256};
  EXPECT_TRUE(recipe.aligned_lengths().empty());
  recipe.align = WindowAlignment::kEnds;
  EXPECT_EQ(recipe.aligned_lengths(), (std::vector<int64_t>{256}));
  recipe.lengths = {256, 2048};
  recipe.align = WindowAlignment::kStarts;
  EXPECT_TRUE(recipe.aligned_lengths().empty());
  EXPECT_EQ(recipe.longest(), 2048);
}

}  // namespace
}  // namespace ropeway
