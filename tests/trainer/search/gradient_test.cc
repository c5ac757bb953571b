#include "trainer/search/gradient_refine.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorer_bench.h"
#include "trainer/rope/yarn.h"
#include "trainer/search/finalists.h"
#include "trainer/search/race.h"

namespace ropeway {
namespace {

FactorSpace wide() {
  return {std::vector<double>(32, 1.0), std::vector<double>(32, 1.0), std::vector<double>(32, 10.0)};
}

Candidate yarn_seed() { return {yarn_factors({32, 1e4, 256}, 8), 1.05, 0, "yarn(32,1)"}; }

GradientResult refine(Bench& bench, const FactorSpace& bounds, const GradientOptions& options) {
  return refine_by_gradient(bench.scorer, bounds, plain_frequencies({32, 1e4, 256}), yarn_seed(), options);
}

// log lambda that is one radian of phase at the 2048th token.
std::vector<double> radian_units() {
  std::vector<double> units;
  const std::vector<double> frequencies = plain_frequencies({32, 1e4, 256});
  for (size_t i = 0; i < 32; ++i)
    units.push_back(std::min(0.3, yarn_seed().factors[i] / (frequencies[i] * 2048)));
  return units;
}

// A landscape as steep as the real one: what counts is the phase. Its minimum is some tenths of a radian
// away.
SyntheticObjective::Options phase_landscape() {
  SyntheticObjective::Options options{.target = yarn_seed().factors, .temperature = 1.1, .document_noise = 0};
  const std::vector<double> units = radian_units();
  for (size_t i = 0; i < 32; ++i) {
    options.target[i] *= std::exp((0.2 + 0.02 * static_cast<double>(i)) * units[i]);
    options.dim_curvature.push_back(0.02 / (units[i] * units[i]));
  }
  return options;
}

TEST(GradientRefine, FindsTheMinimumOfTheLandscape) {
  Bench bench(phase_landscape());
  const double before = bench.objective.exact_mean(yarn_seed()) - bench.objective.least();
  const GradientResult found = refine(bench, wide(), {.steps = 60, .temperature_learning_rate = 0.01});
  const double after = bench.objective.exact_mean(found.best) - bench.objective.least();
  EXPECT_GT(before, 0.03);
  EXPECT_LT(after, 0.02 * before);
  EXPECT_NEAR(found.best.temperature, 1.1, 0.01);
  EXPECT_TRUE(is_monotone(found.best.factors));
}

TEST(GradientRefine, MovesEveryDimByTheSamePhase) {
  Bench bench(phase_landscape());
  const GradientResult found = refine(bench, wide(), {.steps = 1, .factor_learning_rate = 0.05});
  const std::vector<double> units = radian_units();
  for (size_t i = 0; i < 32; ++i) {
    const double moved = std::log(found.last.factors[i] / yarn_seed().factors[i]);
    EXPECT_NEAR(moved / units[i], 0.05, 1e-3) << i;
  }
}

TEST(GradientRefine, NeverReturnsWorseThanTheSeed) {
  Bench bench({.target = yarn_seed().factors, .temperature = 1.05, .document_noise = 0});
  const GradientResult found = refine(bench, wide(), {.steps = 10});
  EXPECT_EQ(found.best.origin, "yarn(32,1)");
}

TEST(GradientRefine, StopsAfterTwoChecksWithoutGain) {
  Bench bench({.target = yarn_seed().factors,
               .temperature = 1.05,
               .curvature = 1e-6,
               .temperature_curvature = 0,
               .document_noise = 0});
  refine(bench, wide(), {.steps = 60, .check_every = 5});
  EXPECT_EQ(bench.objective.gradients, 10);
}

TEST(GradientRefine, StaysWithinBounds) {
  // The target lies outside: factors up to 16, bounds at 10 and, for the first dims, from the seed up.
  Bench bench({.target = pi_factors(32, 16), .document_noise = 0});
  FactorSpace bounds = wide();
  bounds.low = yarn_seed().factors;
  const GradientResult found = refine(bench, bounds, {.steps = 60, .check_every = 10});
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_GE(found.last.factors[i], bounds.low[i]) << i;
    EXPECT_LE(found.last.factors[i], 10) << i;
  }
  EXPECT_NEAR(found.last.factors.back(), 10, 0.1);
}

TEST(GradientRefine, SkipsStepsWithoutAFiniteGradient) {
  Bench bench(phase_landscape());
  bench.objective.poison_gradient = [](int64_t draw) { return draw % 2 == 0; };
  const GradientResult found = refine(bench, wide(), {.steps = 40, .check_every = 10});
  for (const double factor : found.last.factors) EXPECT_TRUE(std::isfinite(factor));
  EXPECT_LT(bench.objective.exact_mean(found.best), bench.objective.exact_mean(yarn_seed()));
}

TEST(GradientRefine, KeepsAFixedTemperature) {
  Bench bench({.target = toy_target(toy_problem()), .temperature = 1.3});
  EXPECT_EQ(refine(bench, wide(), {.steps = 20, .free_temperature = false}).last.temperature, 1.05);
}

TEST(Finalists, RankingDocumentsOfAllOfThemCountAsWell) {
  const Candidate a{toy_target(toy_problem()), 1.1, 0, "a"};
  Candidate b = a;
  // The held-out documents see b a little ahead, the five fixed ones see a ahead by more.
  const auto disagree = [&b, &a](const SyntheticObjective& objective) {
    const double held = objective.exact_finalist_mean(b) - objective.exact_finalist_mean(a);
    const double fixed = objective.exact_mean(b) - objective.exact_mean(a);
    return held < 0 && 5 * fixed + 2 * held > -7 * held;  // held.tail_nll equals held.nll here
  };
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Philox random(seed, Stream::kMutation);
    for (double& factor : b.factors) factor *= std::exp(0.01 * random.normal());
    Bench bench({.target = a.factors, .document_noise = 0.3});
    if (!disagree(bench.objective)) {
      b = a;
      continue;
    }
    b.origin = "b";
    EXPECT_EQ(rank_finalists(bench.scorer, {a, b}).finalists.front().candidate.origin, "b");
    bench.scorer.means({a}, 5);
    EXPECT_EQ(rank_finalists(bench.scorer, {a, b}).finalists.front().candidate.origin,
              "b");  // of b none is known
    bench.scorer.means({b}, 5);
    EXPECT_EQ(rank_finalists(bench.scorer, {a, b}).finalists.front().candidate.origin, "a");
    return;
  }
  FAIL() << "no pair on which they disagree";
}

TEST(Race, StopsAtOnceWhenHopeless) {
  Bench bench({.target = toy_target(toy_problem())});
  const Candidate good{toy_target(toy_problem()), 1.1, 0, "good"}, poor{pi_factors(32, 8), 1.1, 0, "pi"};
  const RaceResult result = race(bench.scorer, poor, good, 5);
  EXPECT_FALSE(result.challenger_wins);
  EXPECT_EQ(result.documents, 1);
}

TEST(Race, NeedsTwoDocumentsForASmallDifferenceAndAllForANearTie) {
  Bench bench({.target = toy_target(toy_problem()), .document_noise = 0});
  const Candidate best{toy_target(toy_problem()), 1.1, 0, "best"};
  Candidate near = best, close = best;
  near.temperature = 1.1 * std::exp(0.1);    // 0.01 worse on each document
  close.temperature = 1.1 * std::exp(0.02);  // 0.0004 worse
  EXPECT_EQ(race(bench.scorer, near, best, 5).documents, 2);
  const RaceResult tie = race(bench.scorer, close, best, 5);
  EXPECT_EQ(tie.documents, 5);
  EXPECT_FALSE(tie.challenger_wins);
  EXPECT_TRUE(race(bench.scorer, best, close, 5).challenger_wins);
}

TEST(Race, AnInfiniteLossNeverWins) {
  Bench bench({.target = toy_target(toy_problem())});
  const Candidate good{toy_target(toy_problem()), 1.1, 0, "good"}, broken{pi_factors(32, 8), 1.1, 0, "pi"};
  bench.objective.is_broken = [](const Candidate& c) { return c.factors[0] == 8; };
  EXPECT_FALSE(race(bench.scorer, broken, good, 5).challenger_wins);
  EXPECT_TRUE(race(bench.scorer, good, broken, 5).challenger_wins);
  EXPECT_FALSE(race(bench.scorer, broken, broken, 5).challenger_wins);
}

TEST(Scorer, LooksAtAsManyShortDocumentsAsMakeALongOne) {
  SyntheticObjective objective({.target = toy_target(toy_problem()), .documents = 20});
  auto world = make_world_of_one();
  const Mesh mesh(*world, {});
  LogFolder folder;
  SearchLog log(*world, folder / "search.jsonl", "bench");
  EXPECT_EQ(Scorer(objective, mesh, log, 16384, {}).documents_per_look(), 1);
  EXPECT_EQ(Scorer(objective, mesh, log, 2048, {}).documents_per_look(), 1);
  EXPECT_EQ(Scorer(objective, mesh, log, 256, {}).documents_per_look(), 8);
  EXPECT_EQ(Scorer(objective, mesh, log, 64, {}).documents_per_look(), 20);
}

TEST(Scorer, AnswersTwiceForTheCostOfOnce) {
  Bench bench({.target = toy_target(toy_problem())});
  const Candidate candidate{pi_factors(32, 8), 1, 0, "pi"};
  const double first = bench.scorer.mean(candidate, 3);
  EXPECT_EQ(bench.scorer.mean(candidate, 3), first);
  EXPECT_EQ(bench.scorer.spent(), 3);
  bench.scorer.mean(candidate, 5);
  EXPECT_EQ(bench.scorer.spent(), 5);
  bench.scorer.scores({candidate}, {0}, 1024);
  EXPECT_EQ(bench.scorer.spent(), 5.5);
  bench.scorer.gradients(candidate, {0});
  EXPECT_EQ(bench.scorer.spent(), 9);
}

}  // namespace
}  // namespace ropeway
