// --set key=value: applied before anything is checked, and named in messages instead of a line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/config/recipe_text.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

RecipeResult with(const std::vector<std::string>& overrides, int ranks = 0) {
  return parse_text(kGoodRecipe, {.overrides = overrides, .ranks = ranks});
}

TEST(Overrides, ReachTopSectionsStagesAndListElements) {
  const auto result =
      with({"seed=9", "mesh.sequence=4", "stages[1].steps=10", "stages.tune.learning_rate=1e-5",
            "stages.score.lengths=[512, 4K]", "stages[2].lengths[0]=1K", "data.train[0]=other.txt"});
  ASSERT_THAT(result.errors, IsEmpty());
  const Recipe& recipe = result.recipe;
  EXPECT_EQ(recipe.seed, 9u);
  EXPECT_EQ(recipe.mesh.sequence, 4);
  EXPECT_EQ(recipe.stages[1].train().steps, 10);
  EXPECT_EQ(recipe.stages[1].train().learning_rate, 1e-5);
  EXPECT_THAT(recipe.stages[2].evaluate().lengths, ElementsAre(1024, 4096));
  EXPECT_THAT(recipe.data.train, ElementsAre(TextSource{"other.txt"}));
}

TEST(Overrides, MakeKeysAndSectionsThatTheFileLeftOut) {
  const auto result = with({"engine.tile_tokens=64", "stages.tune.beta2=0.9", "dtype=fp64"});
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.recipe.engine.tile_tokens, 64);
  EXPECT_EQ(result.recipe.stages[1].train().beta2, 0.9);
  EXPECT_EQ(result.recipe.dtype, DType::kF64);
}

TEST(Overrides, TheLastOneWins) { EXPECT_EQ(with({"seed=1", "seed=2"}).recipe.seed, 2u); }

TEST(Overrides, ValuesKeepEqualsSigns) { EXPECT_EQ(with({"run_dir=a=b"}).recipe.run_dir, "a=b"); }

TEST(Overrides, BadValuesNameTheOverride) {
  EXPECT_THAT(
      with({"stages.tune.steps=few"}).errors,
      ElementsAre(
          "--set stages.tune.steps=few: stages[1].steps: found few, wanted an integer from 1 to 1000000000"));
  EXPECT_THAT(with({"stages.tune.steps="}).errors,
              ElementsAre(StartsWith("--set stages.tune.steps=: stages[1].steps: found nothing, wanted")));
  // The lengths were written in the file, and it is there that they do not fit any more.
  EXPECT_THAT(
      with({"mesh.sequence=3"}, 2).errors,
      ElementsAre(StartsWith("17:13: stages[0].length: found 2048, wanted a multiple of 6"),
                  StartsWith("22:13:"), StartsWith("27:14:"), StartsWith("27:14:"),
                  StartsWith("--set mesh.sequence=3: mesh.sequence: found data 1 x sequence 3 = 3 ranks")));
}

TEST(Overrides, UnknownKeysAreSuggested) {
  EXPECT_THAT(with({"mesh.sequense=2"}).errors,
              ElementsAre("--set mesh.sequense=2: mesh.sequense: unknown key; did you mean sequence?"));
  EXPECT_THAT(with({"meshh.sequence=2"}).errors,
              ElementsAre("--set meshh.sequence=2: meshh: unknown key; did you mean mesh?"));
}

TEST(Overrides, UnknownStagesAreSuggested) {
  EXPECT_THAT(
      with({"stages.tine.steps=1"}).errors,
      ElementsAre(
          "--set stages.tine.steps=1: stages.tine.steps: found no stage named tine; did you mean tune?"));
  EXPECT_THAT(with({"stages[3].steps=1"}).errors,
              ElementsAre("--set stages[3].steps=1: stages[3].steps: found [3] in a list of 3"));
}

TEST(Overrides, WhatIsNoAssignmentIsRefused) {
  for (const char* text :
       {"seed", "=1", "a..b=1", "stages[x].steps=1", "stages[1.steps=1", "[0]=1", ".seed=1", "seed.=1"}) {
    EXPECT_THAT(with({text}).errors,
                ElementsAre(StartsWith(std::string("--set ") + text + ": wanted key=value")));
  }
}

TEST(Overrides, ValuesMustBeYaml) {
  EXPECT_THAT(with({"data.train=[a"}).errors,
              ElementsAre("--set data.train=[a: data.train: this [ is never closed"));
  EXPECT_THAT(with({"seed=\"1"}).errors, ElementsAre("--set seed=\"1: seed: this \" is never closed"));
  EXPECT_THAT(with({"seed.deep=1"}).errors,
              ElementsAre(StartsWith("--set seed.deep=1: seed.deep: found the value 7")));
}

TEST(Overrides, ErrorsOfTheFileComeFirst) {
  const auto result =
      parse_text(replaced(kGoodRecipe, "steps: 100", "steps: x"), {.overrides = {"seed=y"}, .ranks = 0});
  EXPECT_THAT(result.errors, ElementsAre(StartsWith("23:12: "), StartsWith("--set seed=y: ")));
}

}  // namespace
}  // namespace ropeway
