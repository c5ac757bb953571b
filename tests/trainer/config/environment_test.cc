// ${NAME} in values: from the environment, with a default, as text, and what is wrong with it.
#include <gmock/gmock.h>
#include <stdlib.h>

#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/recipe_origins.h"
#include "trainer/config/recipe_writer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Environment : public ::testing::Test {
 protected:
  Environment() {
    setenv("ROPEWAY_TEST_TEXTS", "/data/books", 1);
    setenv("ROPEWAY_TEST_STEPS", "250", 1);
    setenv("ROPEWAY_TEST_EMPTY", "", 1);
    setenv("ROPEWAY_TEST_YAML", "[a, b]\nseed: 9", 1);
    unsetenv("ROPEWAY_TEST_NOTHING");
  }
  static RecipeResult with(const std::string& find, const std::string& put) {
    return parse_text(replaced(kGoodRecipe, find, put));
  }
};

TEST_F(Environment, StandsForAWholeValueOrAPartOfIt) {
  const RecipeResult steps = with("steps: 100", "steps: ${ROPEWAY_TEST_STEPS}");
  ASSERT_THAT(steps.errors, IsEmpty());
  EXPECT_EQ(steps.recipe.stages[1].train().steps, 250);
  const RecipeResult texts =
      with("train: [train.txt]", "train: [\"${ROPEWAY_TEST_TEXTS}/a_${ROPEWAY_TEST_STEPS}.txt\"]");
  ASSERT_THAT(texts.errors, IsEmpty());
  EXPECT_EQ(texts.recipe.data.train[0].path, "/data/books/a_250.txt");
}

// Between brackets YAML wants quotes, and a number is one all the same.
TEST_F(Environment, MakesNumbersInQuotesToo) {
  const RecipeResult result = with("steps: 100", "steps: \"${ROPEWAY_TEST_STEPS}\"");
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.recipe.stages[1].train().steps, 250);
}

TEST_F(Environment, HasADefaultForWhatIsNotSetOrEmpty) {
  for (const char* name : {"ROPEWAY_TEST_NOTHING", "ROPEWAY_TEST_EMPTY"}) {
    const RecipeResult result = with("steps: 100", "steps: ${" + std::string(name) + ":-70}");
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.recipe.stages[1].train().steps, 70);
  }
  EXPECT_EQ(with("steps: 100", "steps: ${ROPEWAY_TEST_STEPS:-70}").recipe.stages[1].train().steps, 250);
}

TEST_F(Environment, IsSubstitutedInOverrides) {
  const RecipeResult result =
      parse_text(kGoodRecipe, {.overrides = {"stages.tune.steps=${ROPEWAY_TEST_STEPS}"}});
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.recipe.stages[1].train().steps, 250);
}

TEST_F(Environment, CannotAddKeys) {
  const RecipeResult result = with("path: models/tiny", "path: ${ROPEWAY_TEST_YAML}");
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.recipe.model.path, "[a, b]\nseed: 9");
  EXPECT_EQ(result.recipe.seed, 7u);
}

TEST_F(Environment, DollarsAloneAreText) {
  const RecipeResult result = with("path: models/tiny", "path: cost$5/$HOME/$${X}/$");
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(result.recipe.model.path, "cost$5/$HOME/${X}/$");
}

TEST_F(Environment, WhatIsNotSetIsAnErrorAndTheOnlyOne) {
  EXPECT_THAT(
      with("steps: 100", "steps: ${ROPEWAY_TEST_NOTHING}").errors,
      ElementsAre("23:12: stages[1].steps: found ${ROPEWAY_TEST_NOTHING}, which the environment does not "
                  "have, wanted it set, or a default: ${ROPEWAY_TEST_NOTHING:-default}"));
  EXPECT_THAT(with("train: [train.txt]", "train: [\"${ROPEWAY_TEST_NOTHING}/a.txt\"]").errors,
              ElementsAre(HasSubstr("data.train[0]: found ${ROPEWAY_TEST_NOTHING}, which")));
}

TEST_F(Environment, OtherFormsAreRefused) {
  for (const char* text : {"${", "${}", "${1A}", "${A B}", "${A-b}", "${A:=b}", "${ROPEWAY_TEST_STEPS"}) {
    EXPECT_THAT(with("path: models/tiny", std::string("path: \"") + text + "\"").errors,
                ElementsAre(HasSubstr("wanted ${NAME} or ${NAME:-default}, or $${ for the text ${")))
        << text;
  }
}

// A brace there begins a map; YAML's own words would not help.
TEST_F(Environment, BetweenBracketsWithoutQuotesIsExplained) {
  for (const char* list :
       {"[${ROPEWAY_TEST_TEXTS}/a.txt]", "[a.txt, ${ROPEWAY_TEST_TEXTS}]", "[{path: ${X}/a.txt}]"}) {
    EXPECT_THAT(with("train: [train.txt]", std::string("train: ") + list).errors,
                ElementsAre(HasSubstr(
                    "found ${ between brackets, where a brace begins a map, wanted the value in quotes")))
        << list;
  }
}

TEST_F(Environment, ABadValueIsShownAsItCameIn) {
  EXPECT_THAT(
      with("steps: 100", "steps: ${ROPEWAY_TEST_TEXTS}").errors,
      ElementsAre("23:12: stages[1].steps: found /data/books, wanted an integer from 1 to 1000000000"));
}

TEST_F(Environment, ResolvedRecipesKeepTheTextAndReadBack) {
  const RecipeResult first = with("path: models/tiny", "path: a/$${X}/${ROPEWAY_TEST_STEPS}");
  const std::string yaml = recipe_to_yaml(first.recipe);
  EXPECT_THAT(yaml, HasSubstr("path: \"a/$${X}/250\""));
  EXPECT_EQ(parse_text(yaml).recipe.model.path, "a/${X}/250");
}

TEST_F(Environment, OriginsNameFileOverrideVariableDefaultAndWhatAValueIsDerivedFrom) {
  const RecipeFile file(replaced(kGoodRecipe, "steps: 100", "steps: ${ROPEWAY_TEST_STEPS}"));
  const Recipe recipe =
      parse_recipe(file.path(), {.overrides = {"mesh.data=2", "stages.tune.batch_sequences=2"},
                                 .override_prefix = "--set "})
          .recipe;
  const std::string name = file.path().string();
  EXPECT_EQ(origin_of(recipe, "seed"), name + ":2");
  EXPECT_EQ(origin_of(recipe, "mesh.data"), "--set mesh.data=2");
  EXPECT_EQ(origin_of(recipe, "stages[1].steps"), name + ":23, environment: ROPEWAY_TEST_STEPS");
  EXPECT_EQ(origin_of(recipe, "stages[1].beta1"), "default");
  EXPECT_EQ(origin_of(recipe, "run_dir"), "derived from name");
  const std::string shown =
      recipe_to_yaml(recipe, [&](const std::string& path) { return origin_of(recipe, path); });
  EXPECT_THAT(shown, HasSubstr("  data: 2                                     # --set mesh.data=2\n"));
  EXPECT_THAT(shown,
              HasSubstr("    steps: 250                                # " + name + ":23, environment: "));
  // What is shown is a recipe, and the same one.
  EXPECT_EQ(recipe_to_yaml(parse_text(shown).recipe), recipe_to_yaml(recipe));
}

// LongRoPE2's slow pairs reach twice the scale; a recipe that says how far has its way.
TEST(DerivedValues, TheMarginOfASearchFollowsItsSeeds) {
  const auto searched = [](const std::string& keys) {
    return parse_text(replaced(kGoodRecipe, "    makes: searched\n", "    makes: searched\n" + keys)).recipe;
  };
  EXPECT_EQ(searched("    seeds: paper\n").stages[0].search().max_scale_margin, 1.25);
  const Recipe recipe = searched("    seeds: longrope2\n");
  EXPECT_EQ(recipe.stages[0].search().max_scale_margin, 2);
  EXPECT_EQ(origin_of(recipe, "stages[0].max_scale_margin"), "derived from seeds");
  EXPECT_EQ(parse_text(recipe_to_yaml(recipe)).recipe.stages[0].search().max_scale_margin, 2);
  const Recipe said = searched("    seeds: longrope2\n    max_scale_margin: 1.5\n");
  EXPECT_EQ(said.stages[0].search().max_scale_margin, 1.5);
}

}  // namespace
}  // namespace ropeway
