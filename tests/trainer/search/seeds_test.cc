#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "search_fixture.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/mrrope.h"
#include "trainer/rope/yarn.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/formulas.h"
#include "trainer/search/seed_families.h"
#include "trainer/search/seed_paper.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {
namespace {

Candidate find(const std::vector<Candidate>& seeds, const std::string& origin) {
  for (const Candidate& seed : seeds) {
    if (seed.origin == origin) return seed;
  }
  throw std::runtime_error("no seed " + origin);
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isinf(b[i])) {
      EXPECT_EQ(a[i], b[i]) << "dim " << i;
    } else {
      EXPECT_NEAR(a[i], b[i], tolerance * std::abs(b[i])) << "dim " << i;
    }
  }
}

TEST(FamilySeeds, HoldTheWholeGridOnAnOriginalModel) {
  const auto seeds = family_seeds(toy_problem());
  // Beside the formulas: NTK-critical, NTK-left at three pairs with two tails, and a clip; ramps; jumps.
  EXPECT_EQ(seeds.size(), 8u + 18u + 28u);
  for (const Candidate& seed : seeds) {
    EXPECT_TRUE(is_monotone(seed.factors)) << seed.origin;
    EXPECT_GE(seed.factors.front(), 1) << seed.origin;
    // 1 + 0.9 (su - 1), su at 8x of 256.
    EXPECT_NEAR(seed.temperature, 1 + 0.9 * (std::sqrt(1 + std::log(8) / std::log(256)) - 1), 1e-12);
  }
}

TEST(FamilySeeds, ShortGridIsAPartOfTheWholeOneAndReplacesItOnRequest) {
  SearchProblem problem = toy_problem();
  const auto full = family_seeds(problem);
  problem.options.seed_grid = SeedGrid::kShort;
  const auto few = family_seeds(problem);
  EXPECT_EQ(few.size(), 3u + 3u + 6u);
  for (const Candidate& seed : few) expect_near(seed.factors, find(full, seed.origin).factors, 1e-15);
  problem.trained_factors = identity_factors(32);  // a tuned model: short unless asked otherwise
  problem.options.seed_grid = SeedGrid::kFull;
  EXPECT_GT(family_seeds(problem).size(), 36u);
}

TEST(FamilySeeds, JumpStartsWhereThePeriodsAre) {
  // 2 pi 10^(i/8) reaches 256 at i = 12.9 and a quarter of dim 13's period at i = 8.2.
  const Candidate seed = find(family_seeds(toy_problem()), "jump(9,13,0.6)");
  EXPECT_EQ(seed.factors[8], 1);
  EXPECT_NEAR(seed.factors[12], std::pow(8, 0.6), 1e-12);
  EXPECT_EQ(seed.factors[13], 8);
  EXPECT_EQ(seed.factors[31], 8);
}

// T_i / 256: 0.36 at 9.33, 0.67 at 11.5: LongRoPE2 found critical pairs between such periods and one window.
TEST(FamilySeeds, HoldCriticalPairsFasterThanOneTurn) {
  const auto seeds = family_seeds(toy_problem());
  const Candidate early = find(seeds, "ntk-left(10,1.36)"), later = find(seeds, "ntk-left(12)");
  EXPECT_NEAR(early.factors[10], 1.36 * 8, 1e-12);
  EXPECT_NEAR(early.factors[5], std::sqrt(1.36 * 8), 1e-12);
  EXPECT_EQ(later.factors[12], 8);
  find(seeds, "jump(6,10,0.6)");
  find(seeds, "yarn(32,3)");
}

// Pair 13 is the first that does not turn once in the window.
TEST(FamilySeeds, StopOrInterpolateFromTheCriticalPairOn) {
  const auto seeds = family_seeds(toy_problem());
  const Candidate clip = find(seeds, "clip(13)"), left = find(seeds, "ntk-left(13)");
  EXPECT_EQ(clip.factors[12], 1);
  EXPECT_TRUE(std::isinf(clip.factors[13]));
  EXPECT_NEAR(left.factors[12], std::pow(8, 12.0 / 13), 1e-12);  // LongRoPE2, Alg. 2
  EXPECT_EQ(left.factors[13], 8);
  EXPECT_EQ(left.factors[31], 8);
}

TEST(FamilySeeds, OfTunedFactorsOfOneAreThoseOfTheOriginalModel) {
  SearchProblem plain = toy_problem(), tuned = toy_problem();
  tuned.trained_factors = identity_factors(32);
  const auto original = family_seeds(plain), seeds = family_seeds(tuned);
  expect_near(find(seeds, "tuned * yarn(32,1)").factors, find(original, "yarn(32,1)").factors, 1e-12);
  expect_near(find(seeds, "max(tuned, jump(9,13,0.6))").factors, find(original, "jump(9,13,0.6)").factors,
              1e-12);
  expect_near(find(seeds, "proportional").factors, pi_factors(32, 8), 1e-12);
}

TEST(FamilySeeds, OfATunedModelNeverFallBelowItAndKeepItsOwnTwo) {
  SearchProblem problem = toy_problem(64);
  problem.trained_factors = jump_factors(32, 8, 9, 13, 3);
  problem.trained_length = 2048;
  const auto seeds = family_seeds(problem);
  EXPECT_LE(seeds.size(), 16u);  // a pass is dear
  for (const Candidate& seed : seeds) {
    for (size_t i = 0; i < 32; ++i) {
      EXPECT_GE(seed.factors[i], problem.trained_factors[i] * (1 - 1e-12)) << seed.origin << " " << i;
    }
  }
  expect_near(find(seeds, "unchanged").factors, problem.trained_factors, 0);
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(find(seeds, "proportional").factors[i], 8 * problem.trained_factors[i], 1e-12);
  }
}

TEST(FamilySeeds, PlaceJumpsByTunedPeriods) {
  // Tuned at 8x with lambda = 8 from dim 13 on: dim 13 turns once in 8 * 2 pi 10^(13/8) = 2119 >= 2048
  // tokens, as the untuned dim 13 did in 265 >= 256.
  SearchProblem problem = toy_problem(64);
  problem.trained_factors = jump_factors(32, 8, 9, 13, 3);
  problem.trained_length = 2048;
  EXPECT_EQ(critical_dim(problem), 13);
  problem.trained_factors = identity_factors(32);  // plain wavelengths would say 21
  EXPECT_EQ(critical_dim(problem), 21);
}

TEST(TransferredSeeds, OfYarnAreYarnAtTheNewScale) {
  SearchProblem problem = toy_problem(32);
  FactorSet known;
  known.name = "short";
  known.max_length = 2048;
  known.original_length = 256;
  known.rope_theta = 1e4;
  known.factors = yarn_factors(problem.geometry, 8);
  problem.known_sets = {known};
  const auto seeds = family_seeds(problem);
  expect_near(find(seeds, "ramp of short").factors, yarn_factors(problem.geometry, 32), 1e-12);
}

TEST(TransferredSeeds, OfNtkAreNtkAtTheNewScale) {
  SearchProblem problem = toy_problem(32);
  FactorSet known;
  known.name = "short";
  known.max_length = 2048;
  known.original_length = 256;
  known.factors = ntk_factors(32, 8);
  problem.known_sets = {known};
  expect_near(find(family_seeds(problem), "power of short").factors, ntk_factors(32, 32), 1e-12);
}

TEST(PaperSeeds, AreTheThreeAtTheFormulasTemperature) {
  const auto seeds = [] {
    SearchProblem problem = toy_problem();
    problem.options.seeds = SearchSeeds::kPaper;
    return paper_seeds(problem);
  }();
  ASSERT_EQ(seeds.size(), 3u);
  expect_near(seeds[0].factors, std::vector<double>(32, 8), 0);
  for (int i = 0; i < 32; ++i) {
    EXPECT_NEAR(seeds[1].factors[i], std::pow(8, 2.0 * i / 62), 1e-12);
  }
  // YaRN(32, 1): the dims that turn 32 times and once in 256 tokens lie at 8 log10(256/(2 pi r)): 0.84
  // and 12.88.
  for (int i = 0; i < 32; ++i) {
    const double m = 1 - std::clamp((i - 0.0) / 13.0, 0.0, 1.0);
    EXPECT_NEAR(seeds[2].factors[i], 1 / (m + (1 - m) / 8), 1e-12) << i;
  }
  for (const Candidate& seed : seeds)
    EXPECT_NEAR(seed.temperature, std::sqrt(1 + std::log(8) / std::log(256)), 1e-12);
}

TEST(PaperSeeds, OfATunedModelAreProducts) {
  SearchProblem problem = toy_problem(64);
  problem.options.seeds = SearchSeeds::kPaper;
  problem.trained_factors = jump_factors(32, 8, 9, 13, 3);
  problem.trained_length = 2048;
  const auto seeds = paper_seeds(problem);
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(seeds[0].factors[i] / problem.trained_factors[i], 8, 1e-12);  // s2 = 64 / 8
  }
}

TEST(ReadjustSeeds, LieWithinTheSpaceAndHoldTheOriginalAndTheTunedFactors) {
  SearchProblem problem = toy_problem(1);
  problem.readjust = true;
  problem.trained_factors = jump_factors(32, 8, 9, 13, 3);
  problem.trained_length = 2048;
  problem.trained_temperature = 1.15;
  const auto seeds = family_seeds(problem);
  EXPECT_GE(seeds.size(), 10u);
  for (const Candidate& seed : seeds) {
    EXPECT_TRUE(is_monotone(seed.factors)) << seed.origin;
    for (size_t i = 0; i < 32; ++i) {
      EXPECT_GE(seed.factors[i], 1 - 1e-12) << seed.origin;
      EXPECT_LE(seed.factors[i], 1.25 * 8) << seed.origin;
    }
  }
  expect_near(find(seeds, "tuned^0").factors, identity_factors(32), 1e-12);
  expect_near(find(seeds, "tuned^1").factors, problem.trained_factors, 1e-12);
}

TEST(Temperatures, FollowThePolicy) {
  SearchProblem problem = toy_problem();
  problem.options.temperature = {TemperaturePolicy::kNumber, 1.25};
  EXPECT_EQ(seed_temperature(problem), 1.25);
  EXPECT_TRUE(temperature_choices(problem).empty());
  problem.options.temperature = {TemperaturePolicy::kYarn};
  EXPECT_NEAR(seed_temperature(problem), 0.1 * std::log(8) + 1, 1e-12);
  problem.options.temperature = {TemperaturePolicy::kSearch};
  EXPECT_EQ(temperature_choices(problem).size(), 4u);
}

TEST(Temperatures, OfReadjustRunFromOneToTheTunedOne) {
  SearchProblem problem = toy_problem(1);
  problem.readjust = true;
  problem.trained_length = 2048;
  problem.trained_temperature = 1.2;
  EXPECT_EQ(seed_temperature(problem), 1.2);
  const auto choices = temperature_choices(problem);
  ASSERT_FALSE(choices.empty());
  for (const double choice : choices) EXPECT_TRUE(choice >= 1 && choice <= 1.2);
}

// Each as its users apply it, or all at the temperature of the recipe.
TEST(Formulas, HaveTheirOwnTemperatureWhereItIsSearchedFor) {
  SearchProblem problem = toy_problem();
  const double su = std::sqrt(1 + std::log(8) / std::log(256));
  const auto free = formulas(problem);
  ASSERT_EQ(free.size(), 9u);
  expect_near(find(free, "pi").factors, pi_factors(32, 8), 0);
  expect_near(find(free, "ntk").factors, ntk_factors(32, 8), 0);
  expect_near(find(free, "yarn").factors, yarn_factors(problem.geometry, 8), 0);
  expect_near(find(free, "cope").factors, cope_factors(32, 10), 0);
  expect_near(find(free, "hard_clip").factors, hard_clip_factors(32, 10), 0);
  expect_near(find(free, "mrrope_pro").factors, mrrope_factors(problem.geometry, 8, MrRopeKind::kProgressive),
              0);
  expect_near(find(free, "llama3_ramp").factors,
              llama3_factors(problem.geometry, {.factor = 8, .pretrained_length = 256}), 0);
  expect_near(find(free, "dynamic_ntk").factors, ntk_factors(32, 57), 0);
  EXPECT_EQ(find(free, "ntk").temperature, 1);
  EXPECT_NEAR(find(free, "mrrope_uni").temperature, 0.1 * std::log(8) + 1, 1e-12);
  EXPECT_NEAR(find(free, "yarn").temperature, su, 1e-12);
  problem.options.temperature = {TemperaturePolicy::kNumber, 1.25};
  for (const Candidate& formula : formulas(problem)) EXPECT_EQ(formula.temperature, 1.25);
  problem.readjust = true;
  EXPECT_TRUE(formulas(problem).empty());
}

// What is left to stretch, on top of what the weights were tuned under: the temperatures multiply to that of
// the whole scale.
TEST(Formulas, OfATunedModelMultiplyItsFactors) {
  SearchProblem problem = toy_problem(64);
  problem.trained_factors = pi_factors(32, 8);
  problem.trained_length = 2048;
  problem.trained_temperature = std::sqrt(1 + std::log(8) / std::log(256));
  const auto seeds = formulas(problem);
  expect_near(find(seeds, "tuned * pi").factors, pi_factors(32, 64), 1e-12);
  EXPECT_NEAR(find(seeds, "tuned * yarn").temperature, std::sqrt(1 + std::log(64) / std::log(256)), 1e-12);
  // Under factors of 8 everywhere pair 12, and no sooner, turns less than once in 2048 tokens.
  EXPECT_EQ(find(seeds, "tuned * yarn").factors[0], 8);
  EXPECT_NEAR(find(seeds, "tuned * yarn").factors[31], 64, 1e-12);
}

// LLaMA2 tuned for 256K: as far as the authors' factors reach (tests/data/longrope_released_sets.txt).
SearchProblem llama2_256k() {
  SearchProblem problem;
  problem.geometry = {64, 1e4, 4096};
  problem.readjust = true;
  problem.trained_factors = ntk_factors(64, 64.77);
  problem.trained_length = 1 << 18;
  problem.trained_temperature = std::sqrt(1 + std::log(64) / std::log(4096));
  return problem;
}

TEST(Temperatures, OfAFormulaGoByTheReadjustedLength) {
  SearchProblem problem = llama2_256k();
  for (const SearchSeeds seeds : {SearchSeeds::kPaper, SearchSeeds::kFamilies}) {
    problem.options.seeds = seeds;
    problem.options.temperature = {TemperaturePolicy::kSu};
    problem.target_length = 4096;
    EXPECT_EQ(seed_temperature(problem), 1);
    problem.target_length = 8192;
    EXPECT_NEAR(seed_temperature(problem), 1.0408, 5e-5);
  }
  problem.options.temperature = {};
  EXPECT_NEAR(temperature_choices(problem).back(), 1.0408, 5e-5);
}

// Its authors' code ramps Mistral between the dims that turn 128 times and twice.
TEST(PaperSeeds, TakeTheRecipesYarnRamp) {
  SearchProblem problem = toy_problem();
  problem.options.seeds = SearchSeeds::kPaper;
  problem.options.beta_fast = 128;
  problem.options.beta_slow = 2;
  expect_near(find(paper_seeds(problem), "yarn(128,2)").factors,
              yarn_factors(problem.geometry, 8, {.beta_fast = 128, .beta_slow = 2}), 1e-15);
}

TEST(FactorSpace, OfASecondSearchReachesWhatThePublishedCodeAllows) {
  SearchProblem problem = toy_problem(16);
  problem.trained_factors = jump_factors(32, 8, 9, 13, 3);
  problem.trained_length = 2048;
  EXPECT_EQ(published_space(problem).high[0], 3);  // 1 + s2 at s2 = 2; 1.25 s2 would be 2.5
  EXPECT_EQ(family_space(problem).high[0], 3 * 8);
  problem.target_length = 64 * 256;
  EXPECT_EQ(published_space(problem).high[0], 10);
}

// The periods of pairs 15 and 16 are 471 and 628 tokens: the one turns more than half a circle in the window
// of 256, the other does not.
TEST(FactorSpace, SlowPairsAreHeldWithinTheAnglesOfTheWindow) {
  SearchProblem problem = toy_problem(8);
  std::vector<double> floor = factor_floor(problem);
  EXPECT_EQ(floor[15], 1);
  EXPECT_EQ(floor[16], 8);
  EXPECT_EQ(family_space(problem).low, floor);
  EXPECT_EQ(published_space(problem).low, identity_factors(32));
  // Tuned a little below its scale: the next search makes up for it, and keeps what lies above.
  problem = toy_problem(64);
  problem.trained_length = 2048;
  problem.trained_factors = jump_factors(32, 7.5, 9, 13, 3);
  problem.trained_factors.back() = 9;
  floor = factor_floor(problem);
  EXPECT_EQ(floor[15], 7.5);
  EXPECT_EQ(floor[16], 64);
  problem.trained_factors.back() = 70;
  EXPECT_EQ(factor_floor(problem)[31], 70);
}

TEST(FactorSpace, OfAModelWithFactorsOfItsOwnCountsTheScaleFromThem) {
  SearchProblem problem = toy_problem(8);
  problem.trained_factors = jump_factors(32, 4, 9, 13, 2);  // as Llama 3.1's: trained so at its window
  EXPECT_EQ(factor_floor(problem)[31], 4 * 8);
}

TEST(FamilySeeds, OfATunedModelHoldSlowPairsAtTheWholeScale) {
  SearchProblem problem = toy_problem(64);
  problem.trained_length = 2048;
  problem.trained_factors = jump_factors(32, 7.5, 9, 13, 3);
  for (const Candidate& seed : family_seeds(problem)) {
    if (seed.origin == "unchanged") {
      EXPECT_EQ(seed.factors, problem.trained_factors);
    } else {
      EXPECT_GE(seed.factors[16], 64) << seed.origin;
    }
  }
}

TEST(FactorSpace, OfAReadjustHasTheRecipesCap) {
  SearchProblem problem = llama2_256k();
  problem.target_length = 8192;
  EXPECT_DOUBLE_EQ(published_space(problem).high[0], 1.25 * 64.77);
  problem.options.max_factor = 5;
  EXPECT_EQ(published_space(problem).high[63], 5);
  EXPECT_EQ(family_space(problem).high[0], 5);
}

TEST(FactorSpace, CoordinatesOfAProductAreTheStretch) {
  SearchProblem problem = toy_problem(64);
  problem.trained_factors = jump_factors(32, 8, 9, 13, 3);
  problem.trained_length = 2048;
  const FactorSpace space = published_space(problem);
  const std::vector<double> stretch = ntk_factors(32, 8);
  expect_near(space.coordinates(space.factors(stretch)), stretch, 1e-14);
  EXPECT_EQ(space.high[0], 1.25 * 8);
}

}  // namespace
}  // namespace ropeway
