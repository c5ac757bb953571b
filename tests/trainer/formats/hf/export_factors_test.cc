// Which set is long, which is short, and which window is declared.
#include "trainer/formats/hf/export_factors.h"

#include <functional>

#include "tests/support/folder_test.h"
#include "tests/support/model_shape.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kWindow = 8192;

ModelConfig config() { return make_config({.window = kWindow}); }

FactorSet set_of(const std::string& name, int64_t max_length, double factor) {
  return make_factor_set({.name = name,
                          .max_length = max_length,
                          .window = kWindow,
                          .factors = {1, factor},
                          .temperature = 1.1});
}

const FactorSet kReadjusted = set_of("readjusted", kWindow, 1.5), kShorter = set_of("for_4k", 4096, 1.25),
                kTuned = set_of("tuned", 65536, 8), kFurther = set_of("further", 524288, 64);

FactorSet with_start_tokens(FactorSet set) {
  set.start_tokens = 4;
  return set;
}

const ExportRequest kForScoring{.use = ExportUse::kScoring};

// "declared long/short" of each deployment; "-" is the original RoPE without a list.
std::vector<std::string> chosen(const std::vector<FactorSet>& sets, const ExportRequest& request = {}) {
  std::vector<std::string> deployments;
  for (const ExportFactors& factors : choose_export_factors(config(), sets, request)) {
    if (factors.long_set) {
      EXPECT_EQ(factors.long_set->max_length, factors.max_length);
    }
    deployments.push_back(fmt::format("{} {}/{}", factors.max_length,
                                      factors.long_set ? factors.long_set->name : "-",
                                      factors.long_set ? factors.short_set.name : "-"));
  }
  return deployments;
}

TEST(ExportFactors, AModelThatWasNotExtendedKeepsItsWindow) {
  EXPECT_THAT(chosen({}), ElementsAre("8192 -/-"));
  // A set for less than the window is for no list: transformers has one for the window and below.
  EXPECT_THAT(chosen({kShorter}), ElementsAre("8192 -/-"));
}

struct Blamed {
  ExportField field;
  std::string instead;  // a name that would do
};
void expect_refusal(ErrorKind kind, const Blamed& blamed, const std::vector<std::string>& fragments,
                    const std::function<void()>& action) {
  expect_error(kind, fragments, [&] {
    try {
      action();
    } catch (const ExportRefusal& refusal) {
      EXPECT_EQ(refusal.field(), blamed.field);
      EXPECT_EQ(refusal.instead(), blamed.instead);
      throw;
    }
  });
}

TEST(ExportFactors, ASetForTheWindowAloneIsInForceEverywhere) {
  EXPECT_THAT(chosen({kReadjusted}), ElementsAre("8192 readjusted/readjusted"));
}

TEST(ExportFactors, OneLongSetIsOneDeployment) {
  EXPECT_THAT(chosen({kTuned}, kForScoring), ElementsAre("65536 tuned/none"));
  EXPECT_THAT(chosen({kTuned, kReadjusted}), ElementsAre("65536 tuned/readjusted"));
}

TEST(ExportFactors, EveryLengthIsADeploymentAscending) {
  EXPECT_THAT(chosen({kFurther, kTuned, kShorter, kReadjusted}),
              ElementsAre("65536 tuned/readjusted", "524288 further/readjusted"));
}

TEST(ExportFactors, OfSeveralSetsForOneLengthTheNewestIsTaken) {
  EXPECT_THAT(chosen({kTuned, set_of("again", 65536, 9)}, kForScoring), ElementsAre("65536 again/none"));
}

// Where no short list was made for them, texts may grow across the window.
TEST(ExportFactors, WithoutAShortSetOfItsOwnTheLongOneIsInBothLists) {
  EXPECT_THAT(chosen({kTuned}), ElementsAre("65536 tuned/tuned"));
  EXPECT_THAT(chosen({kTuned, kFurther}), ElementsAre("65536 tuned/tuned", "524288 further/further"));
  EXPECT_THAT(chosen({kTuned, kFurther}, {.max_length = 524288}), ElementsAre("524288 further/further"));
  EXPECT_THAT(chosen({kTuned}, {.factors = "none"}), ElementsAre("8192 -/-"));
  const ExportFactors factors = choose_export_factors(config(), {kTuned}, {}).front();
  EXPECT_EQ(factors.use, ExportUse::kGeneration);
  EXPECT_EQ(factors.short_for_scoring, "none");
  EXPECT_EQ(factors.short_set.attention_temperature, kTuned.attention_temperature);
}

// The short list of LongRoPE2's own models: factors of 1, which its weights were tuned under as well.
TEST(ExportFactors, WeightsOfMixedWindowsHaveTheOriginalRopeForShortSequences) {
  FactorSet mixed = kTuned;
  mixed.history.method = kTunedMethod;
  EXPECT_THAT(chosen({mixed}), ElementsAre("65536 tuned/tuned"));
  mixed.history.short_share = 0.3;
  EXPECT_THAT(chosen({mixed}), ElementsAre("65536 tuned/none"));
  EXPECT_THAT(chosen({mixed, kFurther}), ElementsAre("65536 tuned/none", "524288 further/none"));
  EXPECT_THAT(chosen({mixed}, {.use = ExportUse::kGeneration}), ElementsAre("65536 tuned/tuned"));
  EXPECT_THAT(chosen({mixed, kReadjusted}), ElementsAre("65536 tuned/readjusted"));
}

TEST(ExportFactors, AShortSetOfItsOwnIsLeftOutOnRequest) {
  const std::vector<FactorSet> sets = {kTuned, kReadjusted};
  EXPECT_EQ(choose_export_factors(config(), sets, {}).front().use, ExportUse::kScoring);
  EXPECT_THAT(chosen(sets, {.use = ExportUse::kGeneration}), ElementsAre("65536 tuned/tuned"));
}

// The window of Llama 3.1 has factors, but they are its base RoPE's: nothing was readjusted.
TEST(ExportFactors, TheFactorsOfTheBaseAreNoShortSetOfItsOwn) {
  FactorSet base = set_of(kLlama3Set, kWindow, 8);
  base.attention_temperature = 1;
  EXPECT_THAT(chosen({base, kFurther}), ElementsAre("524288 further/further"));
  EXPECT_THAT(chosen({base, kFurther}, kForScoring), ElementsAre("524288 further/llama3"));
}

// Both lists of a model that came with two are its makers' choice, whatever the short one holds.
TEST(ExportFactors, TheListsThatAModelCameWithStay) {
  FactorSet described = kTuned;
  described.history.method = "config.json:long_factor";
  EXPECT_THAT(chosen({described, kReadjusted}), ElementsAre("65536 tuned/readjusted"));
  EXPECT_EQ(choose_export_factors(config(), {described}, {}).front().use, ExportUse::kScoring);
}

TEST(ExportFactors, AWindowGetsTheSmallestSetThatCoversIt) {
  const std::vector<FactorSet> sets = {kTuned, kFurther, kReadjusted};
  EXPECT_THAT(chosen(sets, {.max_length = 65536}), ElementsAre("65536 tuned/readjusted"));
  EXPECT_THAT(chosen(sets, {.max_length = 65537}), ElementsAre("65537 further/readjusted"));
  EXPECT_THAT(chosen(sets, {.max_length = kWindow}), ElementsAre("8192 readjusted/readjusted"));
}

TEST(ExportFactors, ANamedSetIsTakenForItsOwnOrAShorterWindow) {
  const std::vector<FactorSet> sets = {kTuned, kFurther, kReadjusted};
  EXPECT_THAT(chosen(sets, {.factors = "tuned"}), ElementsAre("65536 tuned/readjusted"));
  EXPECT_THAT(chosen(sets, {.factors = "further", .max_length = 65536}),
              ElementsAre("65536 further/readjusted"));
  EXPECT_THAT(chosen(sets, {.factors = "readjusted"}), ElementsAre("8192 readjusted/readjusted"));
}

TEST(ExportFactors, TheOriginalRopeCanBeAskedFor) {
  EXPECT_THAT(chosen({kTuned, kReadjusted}, {.factors = "none"}), ElementsAre("8192 -/-"));
}

TEST(ExportFactors, TheShortSetCanBeNamed) {
  const std::vector<FactorSet> sets = {kTuned, kReadjusted};
  EXPECT_THAT(chosen(sets, {.short_factors = "none"}), ElementsAre("65536 tuned/none"));
  EXPECT_THAT(chosen(sets, {.short_factors = "tuned"}), ElementsAre("65536 tuned/tuned"));
  expect_refusal(ErrorKind::kUsage, {ExportField::kShortFactors, ""}, {"for_4k: is for 4K", "8K"}, [] {
    chosen({kTuned, kShorter}, {.short_factors = "for_4k"});
  });
}

TEST(ExportFactors, AnUnknownNameListsTheSets) {
  for (const ExportRequest& request :
       {ExportRequest{.factors = "tunde"}, ExportRequest{.short_factors = "tunde"}}) {
    expect_error(ErrorKind::kUsage, {"tunde: no such factor set", "none, tuned (64K), further (512K)"}, [&] {
      chosen({kTuned, kFurther}, request);
    });
  }
}

TEST(ExportFactors, AWindowThatNoSetCoversIsRefused) {
  expect_error(ErrorKind::kUsage, {"'further' is for 512K", "wanted one for 1M", "tuned (64K)"}, [] {
    chosen({kTuned, kFurther}, {.max_length = 1 << 20});
  });
  expect_error(ErrorKind::kUsage, {"'tuned' is for 64K", "wanted one for 512K"}, [] {
    chosen({kTuned, kFurther}, {.factors = "tuned", .max_length = 1 << 19});
  });
  expect_error(ErrorKind::kUsage, {"'none' is for 8K", "wanted one for 64K"},
               [] { chosen({}, {.max_length = 65536}); });
  expect_refusal(ErrorKind::kUsage, {ExportField::kMaxLength, ""}, {"4K: ", "original window is 8K"},
                 [] { chosen({kTuned}, {.max_length = 4096}); });
}

TEST(ExportFactors, StartTokensAreRefusedWithTheNearestSetThatHasNone) {
  const std::vector<FactorSet> sets = {kTuned, with_start_tokens(kFurther), kReadjusted};
  expect_refusal(ErrorKind::kBadData, {ExportField::kFactors, "tuned"},
                 {"'further' (512K)", "4 start tokens", "nearest is 'tuned' (64K)"}, [&] { chosen(sets); });
  EXPECT_THAT(chosen(sets, {.factors = "tuned"}), ElementsAre("65536 tuned/readjusted"));
  expect_refusal(ErrorKind::kBadData, {ExportField::kFactors, "none"},
                 {"'tuned' (64K)", "no such set here can"}, [] { chosen({with_start_tokens(kTuned)}); });
}

TEST(ExportFactors, AShortSetWithStartTokensIsRefusedUnlessAnotherIsNamed) {
  const std::vector<FactorSet> sets = {kTuned, with_start_tokens(kReadjusted)};
  expect_refusal(ErrorKind::kBadData, {ExportField::kShortFactors, "none"},
                 {"'readjusted' (8K)", "4 start tokens"}, [&] { chosen(sets); });
  EXPECT_THAT(chosen(sets, {.short_factors = "none"}), ElementsAre("65536 tuned/none"));
}

TEST(ExportFactors, FactorsOfEachLayerAreRefused) {
  FactorSet per_layer = kTuned;
  per_layer.factors = {1, 8, 1, 9};
  expect_error(ErrorKind::kBadData, {"'tuned' (64K)", "4 factors, a list for each layer"},
               [&] { chosen({per_layer}); });
}

}  // namespace
}  // namespace ropeway
