// What a recipe and the model it names say together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/model_facts.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(AgainstModel, AGoodRecipeFits) {
  EXPECT_THAT(check_recipe_against_model(parse_text(kGoodRecipe).recipe, {256, 32, {}}), IsEmpty());
}

TEST(AgainstModel, SearchAndFineTuneMustGoBeyondTheWindow) {
  const auto errors = check_recipe_against_model(parse_text(kGoodRecipe).recipe, {4096, 32, {}});
  EXPECT_THAT(
      errors,
      ElementsAre(HasSubstr(":17:13: stages[0].length: found 2K, wanted more than the original window of 4K"),
                  HasSubstr(":22:13: stages[1].length: found 2K, wanted more than")));
}

TEST(AgainstModel, ReadjustMayStayInsideTheWindow) {
  const auto recipe = replaced(kGoodRecipe, "    kind: evaluate\n    lengths: [256, 2K]",
                               "    kind: readjust\n    from: tuned\n    makes: short\n    length: 256");
  EXPECT_THAT(check_recipe_against_model(parse_text(recipe).recipe, {256, 32, {}}), IsEmpty());
}

TEST(AgainstModel, HeadsMustBeSharedEvenly) {
  const auto errors_with = [](const char* mesh, int64_t query_heads, int64_t key_heads) {
    const auto recipe = replaced(kGoodRecipe, "  data: 1\n  sequence: 2\n", mesh);
    return check_recipe_against_model(parse_text(recipe).recipe, {.original_window = 256,
                                                                  .rotary_pairs = 32,
                                                                  .existing_sets = {},
                                                                  .query_heads = query_heads,
                                                                  .key_heads = key_heads});
  };
  EXPECT_THAT(errors_with("  heads: 4\n", 8, 2), IsEmpty());
  EXPECT_THAT(errors_with("  sequence: 8\n  ring: 2\n", 8, 1), IsEmpty());
  EXPECT_THAT(errors_with("  heads: 4\n", 6, 2),
              ElementsAre(HasSubstr(
                  "mesh.heads: found 4, wanted a divisor of the model's 6 query heads that divides its "
                  "2 key heads or is a multiple of them")));
  EXPECT_THAT(errors_with("  sequence: 4\n  ring: 2\n", 6, 3), ElementsAre(HasSubstr("mesh.heads: found 2")));
}

TEST(AgainstModel, LengthsBeyondASlidingWindowWantAWord) {
  const ModelFacts model{
      .original_window = 256, .rotary_pairs = 32, .existing_sets = {}, .sliding_window = 512};
  EXPECT_THAT(
      check_recipe_against_model(parse_text(kGoodRecipe).recipe, model),
      ElementsAre(HasSubstr("stages[0].length: found 2K, wanted at most the model's sliding window of 512"),
                  HasSubstr("stages[1].length: found 2K"),
                  HasSubstr("stages[2].lengths: found 2K, wanted at most the model's sliding window")));
  for (const std::string word : {"honour", "full"}) {
    const auto said =
        replaced(kGoodRecipe, "  path: models/tiny", "  path: models/tiny\n  sliding_window: " + word);
    EXPECT_THAT(check_recipe_against_model(parse_text(said).recipe, model), IsEmpty()) << word;
  }
}

TEST(AgainstModel, SetsTheRecipeCountsOnMustExist) {
  const auto recipe =
      replaced(replaced(kGoodRecipe, "  path: models/tiny", "  path: models/tiny\n  sets: [old]"),
               "from: none", "from: old");
  const auto result = parse_text(recipe);
  ASSERT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(check_recipe_against_model(result.recipe, {256, 32, {{.name = "old"}}}), IsEmpty());
  EXPECT_THAT(
      check_recipe_against_model(result.recipe, {256, 32, {{.name = "odl"}, {.name = "new"}}}),
      ElementsAre(HasSubstr(
          ":5:9: model.sets: found old, wanted sets that the model has: odl and new; did you mean odl?")));
}

TEST(AgainstModel, SetsTheModelHasCannotBeMadeAgain) {
  EXPECT_THAT(check_recipe_against_model(parse_text(kGoodRecipe).recipe, {256, 32, {{.name = "tuned"}}}),
              ElementsAre(HasSubstr(":21:12: stages[1].makes: found tuned, which the model has already")));
}

// What is wrong with a recipe that begins with this stage on a model with this set.
std::vector<std::string> starting(const std::string& stage, const SetToStartFrom& set) {
  const auto recipe =
      replaced(kGoodRecipe,
               "  - name: search_8x\n    kind: search\n    from: none\n    makes: searched\n    length: 2K",
               "  - {name: first, makes: searched, " + stage + "}");
  const auto result = parse_text(recipe);
  EXPECT_THAT(result.errors, IsEmpty());
  return check_recipe_against_model(result.recipe, {256, 32, {set}});
}

// Phi-3.5, Llama 3.1 and the like: the set that config.json describes needs no mention in model.sets.
TEST(AgainstModel, AnExtendedModelGoesOnFromTheSetItsConfigDescribes) {
  for (const char* name : {"long", "yarn", "linear", "llama3"}) {
    const std::string from = std::string("from: ") + name;
    EXPECT_THAT(starting("kind: search, length: 2K, " + from, {.name = name, .length = 1024}), IsEmpty());
    EXPECT_THAT(starting("kind: search, length: 2K, " + from, {.name = name, .length = 2048}),
                ElementsAre(HasSubstr("stages[0].length: found 2K, wanted more than 2K, which the set " +
                                      std::string(name) + " is for; readjust is for shorter ones")));
    EXPECT_THAT(
        starting("kind: search, length: 2K, " + from, {.name = "other"}),
        ElementsAre(HasSubstr("stages[0].from: found " + std::string(name) + ", wanted none, a set made")));
  }
}

TEST(AgainstModel, APlainModelHasNoSetToGoOnFrom) {
  const auto recipe = parse_text(replaced(kGoodRecipe, "from: none", "from: long")).recipe;
  EXPECT_THAT(check_recipe_against_model(recipe, {256, 32, {}}),
              ElementsAre(HasSubstr("stages[0].from: found long, wanted none, a set made")));
}

TEST(AgainstModel, ASearchStartsFromNoSetThatNoWeightsWereTrainedUnder) {
  EXPECT_THAT(
      starting("kind: search, length: 2K, from: long", {.name = "long", .length = 1024, .trained = false}),
      ElementsAre(HasSubstr("stages[0].from: found long, which no fine-tune made, wanted none or")));
}

TEST(AgainstModel, ASearchDoesNotStartFromARopeThatTheWeightsWereTunedAwayFrom) {
  const std::string said =
      "from: found none, the original RoPE, which the weights have been tuned away from, wanted ";
  const std::string stage = "kind: search, length: 2K, from: none";
  SetToStartFrom tuned{.name = "earlier", .length = 1024, .tuned = true};
  EXPECT_THAT(starting(stage, tuned), ElementsAre(HasSubstr("stages[0]." + said + "earlier")));
  // A set for other weights says nothing of these.
  tuned.trained = false;
  EXPECT_THAT(starting(stage, tuned), IsEmpty());
  // After a fine-tune of the recipe itself it is known without the model.
  for (const char* kind : {"search, length: 4K", "readjust, length: 128"}) {
    const auto again =
        replaced(kGoodRecipe, "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
                 std::string("  - {name: again, from: none, makes: more, kind: ") + kind + "}");
    EXPECT_THAT(parse_text(again).errors, ElementsAre(HasSubstr("stages[2]." + said + "tuned, the set")));
  }
}

// Short windows under it keep it known within the window: a readjust may start from it, a search not.
TEST(AgainstModel, AReadjustMayStartFromARopeThatMixedWindowsKept) {
  const SetToStartFrom mixed{.name = "earlier", .length = 1024, .tuned = true, .keeps_original = true};
  const auto alone = parse_text(kGoodRecipe.substr(0, kGoodRecipe.find("  - name: search_8x")) +
                                "  - {name: first, makes: short, kind: readjust, length: 128, from: none}\n");
  EXPECT_THAT(check_recipe_against_model(alone.recipe, {256, 32, {mixed}}), IsEmpty());
  EXPECT_THAT(
      starting("kind: search, length: 2K, from: none", mixed),
      ElementsAre(HasSubstr("stages[0].from: found none, the original RoPE, which the weights know within "
                            "their original window only, wanted earlier")));
  const auto recipe =
      replaced(replaced(kGoodRecipe, "    learning_rate", "    mix: {short: 30%}\n    learning_rate"),
               "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
               "  - {name: again, from: none, makes: more, kind: readjust, length: 128}");
  EXPECT_THAT(parse_text(recipe).errors, IsEmpty());
}

// A fine-tune may start from it: training brings it back.
TEST(AgainstModel, AFineTuneMayStartFromTheOriginalRopeAgain) {
  const auto again =
      replaced(kGoodRecipe, "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
               "  - {name: again, kind: finetune, from: none, makes: more, length: 2K, steps: 1}");
  EXPECT_THAT(parse_text(again).errors, IsEmpty());
}

TEST(AgainstModel, GpusAttendThroughAWindowOrWithinDocuments) {
  const auto apart =
      replaced(kGoodRecipe, "  train: [train.txt]", "  train: [train.txt]\n  document_mask: documents");
  const auto on_gpu = "device: cuda\ndtype: bf16\n" + apart;
  const auto errors = [](const std::string& text, int64_t window) {
    return check_recipe_against_model(
        parse_text(text).recipe,
        {.original_window = 256, .rotary_pairs = 32, .existing_sets = {}, .honoured_window = window});
  };
  EXPECT_THAT(errors(on_gpu, 512),
              ElementsAre(HasSubstr("data.document_mask: found documents, wanted none: stages[1] trains on "
                                    "sequences of 2K, beyond the model's sliding window of 512")));
  EXPECT_THAT(errors(on_gpu, 2048), IsEmpty()) << "no sequence is longer than the window";
  EXPECT_THAT(errors(on_gpu, 0), IsEmpty());
  EXPECT_THAT(errors(apart, 512), IsEmpty()) << "on a CPU";
  const auto mixed = replaced("device: cuda\ndtype: bf16\n" + kGoodRecipe, "    learning_rate",
                              "    mix: {short: 0.25}\n    learning_rate");
  EXPECT_THAT(errors(mixed, 512),
              ElementsAre(HasSubstr("stages[1].mix.short: found 0.25, wanted 0: stages[1] "
                                    "trains on sequences of 2K, beyond the model's sliding")));
  EXPECT_THAT(errors(mixed, 0), IsEmpty());
}

TEST(AgainstModel, AnotherWindowIsNotThatOfTheModelsSets) {
  const auto recipe =
      replaced(kGoodRecipe, "  path: models/tiny", "  path: models/tiny\n  original_window: 128");
  EXPECT_THAT(check_recipe_against_model(parse_text(recipe).recipe, {128, 32, {}}), IsEmpty());
  EXPECT_THAT(
      check_recipe_against_model(parse_text(recipe).recipe,
                                 {128, 32, {{.name = "long", .length = 1024, .original_window = 256}}}),
      ElementsAre(HasSubstr("model.original_window: found 128, wanted 256, which the model's set long "
                            "stretches")));
}

// LongRoPE's schedule for Mistral, on any model: 16K under factors for 128K, below a window of 128K too.
TEST(AgainstModel, SequencesMayBeShorterThanWhatTheirFactorsAreFor) {
  const auto recipe = replaced(kGoodRecipe, "    length: 2K\n    steps", "    length: 128\n    steps");
  EXPECT_THAT(check_recipe_against_model(parse_text(recipe).recipe, {256, 32, {}}), IsEmpty());
  const auto plain = replaced(recipe, "from: searched", "from: none");
  EXPECT_THAT(
      check_recipe_against_model(parse_text(plain).recipe, {256, 32, {}}),
      ElementsAre(HasSubstr("stages[1].length: found 128, wanted more than the original window of 256")));
}

TEST(AgainstModel, ANewModelHasTheHeadsOfTheRecipe) {
  const auto result = parse_text(kNewModelRecipe);
  EXPECT_THAT(check_recipe_against_model(result.recipe, {256, 32, {}}), IsEmpty());
  EXPECT_THAT(check_recipe_against_model(result.recipe, {256, 16, {}}),
              ElementsAre(HasSubstr("head_dim: found 64, wanted 32: the model has 16 rotary pairs")));
}

TEST(AgainstModel, OverridesAreNamed) {
  const auto result = parse_text(
      kGoodRecipe, {.overrides = {"stages.search_8x.length=128", "stages.tune.length=128"}, .ranks = 0});
  EXPECT_THAT(
      check_recipe_against_model(result.recipe, {256, 32, {}}),
      ElementsAre(
          "--set stages.search_8x.length=128: stages[0].length: found 128, wanted more than the original "
          "window of 256",
          "--set stages.tune.length=128: stages[1].length: found 128, wanted more than the original window "
          "of 256"));
}

// The good recipe's stage "score" evaluates 256 and 2K; the model's window is 256.
TEST(AgainstModel, AGateComparesFiguresOfTheSameWindowsAlone) {
  const auto errors = [](const std::string& keys) {
    const auto result = parse_text(
        kGoodRecipe + "  - {name: after, kind: evaluate, gate: {max_short_loss: 1%}, " + keys + "}\n");
    EXPECT_THAT(result.errors, IsEmpty());
    return check_recipe_against_model(result.recipe, {256, 32, {}});
  };
  EXPECT_THAT(errors("lengths: [256, 2K]"), IsEmpty());
  EXPECT_THAT(
      errors("lengths: [2K]"),
      ElementsAre(HasSubstr("stages[3].gate: found no figure of short inputs that stage score has, too")));
  EXPECT_THAT(errors("lengths: [256, 2K], tasks: [passkey]"), ElementsAre(HasSubstr("found no figure")));
  EXPECT_THAT(errors("lengths: [256, 2K], windows: 3"),
              ElementsAre(HasSubstr("stages[3].windows: found 3, wanted 0 as in stage score")));
  EXPECT_THAT(errors("lengths: [256, 2K], tokens: 8192, bos: true"),
              ElementsAre(HasSubstr("stages[3].tokens: found 8192, wanted 0"),
                          HasSubstr("stages[3].bos: found true, wanted auto")));
  EXPECT_THAT(
      errors("lengths: [256, 4K]"),
      ElementsAre(HasSubstr("stages[3].aligned_with: found windows aligned from 256 to 4K, wanted windows "
                            "aligned from 256 to 2K as in stage score")));
  EXPECT_THAT(errors("lengths: [256], aligned_with: [2K]"), IsEmpty());
}

TEST(AgainstModel, AGateComparesTheSameQuestionsAlone) {
  const auto errors = [](const std::string& limit) {
    const auto result = parse_text(
        kGoodRecipe +
        "  - {name: before, kind: evaluate, lengths: [2K], requests: [a.jsonl], request_limit: 9}\n"
        "  - {name: after, kind: evaluate, lengths: [2K], windows: 5, requests: [b.jsonl, a.jsonl], gate: "
        "{max_short_loss: 1%, against: before}" +
        limit + "}\n");
    EXPECT_THAT(result.errors, IsEmpty());
    return check_recipe_against_model(result.recipe, {256, 32, {}});
  };
  EXPECT_THAT(errors(", request_limit: 9"), IsEmpty()) << "the windows give no figure that is compared";
  EXPECT_THAT(errors(""), ElementsAre(HasSubstr("stages[4].request_limit: found 0, wanted 9")));
}

}  // namespace
}  // namespace ropeway
