#include "trainer/search/gradient_refine.h"

#include <gtest/gtest.h>

#include <cmath>

#include "search_fixture.h"
#include "trainer/search/monotone_parameters.h"
#include "trainer/search/race.h"
#include "trainer/search/search_log.h"

namespace ropeway {
namespace {

// A scorer over a synthetic landscape, alone in the world, with a log of its own.
struct Bench {
  explicit Bench(SyntheticObjective::Options options)
      : objective(std::move(options)),
        world(make_world_of_one()),
        log(*world, folder / "search.jsonl", "bench"),
        scorer(objective, *world, log, 2048, {}) {
    scorer.begin_phase("bench", 0);
  }
  TemporaryFolder folder;
  SyntheticObjective objective;
  std::unique_ptr<Communicator> world;
  SearchLog log;
  Scorer scorer;
};

FactorSpace wide() {
  return {std::vector<double>(32, 1.0), std::vector<double>(32, 1.0), std::vector<double>(32, 10.0)};
}

Seed yarn_seed() { return {{yarn_factors({32, 1e4, 256}, 8), 1.05, 0, "yarn(32,1)"}, 13}; }

TEST(MonotoneParameters, KeepTheLastFactorAndNearlyTheRest) {
  const std::vector<double> factors = jump_factors(32, 8, 9, 13, 3);
  const auto log_factors = MonotoneParameters(factors, 13).log_factors();
  EXPECT_NEAR(std::exp(log_factors.back()), 8, 1e-9);
  EXPECT_TRUE(is_monotone(log_factors));
  EXPECT_NEAR(std::exp(log_factors[5]), 1, 1e-3);
}

TEST(MonotoneParameters, RaiseIncrementsAroundTheCriticalDim) {
  const auto log_factors = MonotoneParameters(jump_factors(32, 8, 9, 13, 3), 13).log_factors();
  for (int i = 14; i <= 17; ++i) EXPECT_GT(log_factors[i] - log_factors[i - 1], 0.008) << i;
  for (int i = 19; i < 32; ++i) EXPECT_LT(log_factors[i] - log_factors[i - 1], 1e-3) << i;
}

TEST(MonotoneParameters, ChainAgreesWithFiniteDifferences) {
  MonotoneParameters parameters(yarn_factors({32, 1e4, 256}, 8), 13);
  // f = sum of w_i log lambda_i^2.
  const auto value = [](const std::vector<double>& log_factors) {
    double sum = 0;
    for (size_t i = 0; i < log_factors.size(); ++i) sum += (1 + 0.1 * i) * log_factors[i] * log_factors[i];
    return sum;
  };
  std::vector<double> gradient = parameters.log_factors();
  for (size_t i = 0; i < gradient.size(); ++i) gradient[i] *= 2 * (1 + 0.1 * i);
  const std::vector<double> chained = parameters.chain(gradient);
  for (size_t j = 0; j < chained.size(); ++j) {
    MonotoneParameters up = parameters, down = parameters;
    up.u()[j] += 1e-5;
    down.u()[j] -= 1e-5;
    const double difference = (value(up.log_factors()) - value(down.log_factors())) / 2e-5;
    EXPECT_NEAR(chained[j], difference, 1e-6 * std::max(1.0, std::abs(difference))) << j;
  }
}

TEST(GradientRefine, FindsTheMinimumOfTheLandscape) {
  // From the ramp to the jump: a landscape of the real one's size (0.03 nats between them).
  Bench bench({.target = toy_target(toy_problem()), .temperature = 1.1, .document_noise = 0});
  const Seed seed = yarn_seed();
  const double before = bench.objective.exact_mean(seed.candidate) - bench.objective.least();
  const GradientResult found = refine_by_gradient(
      bench.scorer, wide(), seed,
      {.steps = 200, .check_every = 20, .factor_learning_rate = 0.1, .temperature_learning_rate = 0.02});
  const double after = bench.objective.exact_mean(found.best) - bench.objective.least();
  EXPECT_GT(before, 0.03);
  EXPECT_LT(after, 0.05 * before);
  EXPECT_NEAR(found.best.temperature, 1.1, 0.02);
  EXPECT_TRUE(is_monotone(found.best.factors));
}

TEST(GradientRefine, NeverReturnsWorseThanTheSeed) {
  Bench bench({.target = yarn_seed().candidate.factors, .temperature = 1.05, .document_noise = 0});
  const GradientResult found = refine_by_gradient(bench.scorer, wide(), yarn_seed(), {.steps = 10});
  EXPECT_EQ(found.best.origin, "yarn(32,1)");
}

TEST(GradientRefine, StopsAfterTwoChecksWithoutGain) {
  Bench bench({.target = yarn_seed().candidate.factors,
               .temperature = 1.05,
               .curvature = 1e-6,
               .temperature_curvature = 0,
               .document_noise = 0});
  refine_by_gradient(bench.scorer, wide(), yarn_seed(), {.steps = 60, .check_every = 5});
  EXPECT_EQ(bench.objective.gradients, 20);  // not before a third of the steps
}

TEST(GradientRefine, StaysWithinBounds) {
  // The target lies outside: factors up to 16, bounds at 10 and, for the first dims, from the seed up.
  Bench bench({.target = pi_factors(32, 16), .document_noise = 0});
  FactorSpace bounds = wide();
  const Seed seed = yarn_seed();
  bounds.low = seed.candidate.factors;
  const GradientResult found = refine_by_gradient(
      bench.scorer, bounds, seed, {.steps = 60, .check_every = 10, .factor_learning_rate = 0.1});
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_GE(found.last.factors[i], bounds.low[i]) << i;
    EXPECT_LE(found.last.factors[i], 10) << i;
  }
  EXPECT_NEAR(found.last.factors.back(), 10, 0.1);
}

TEST(GradientRefine, SkipsStepsWithoutAFiniteGradient) {
  Bench bench({.target = toy_target(toy_problem()), .document_noise = 0});
  bench.objective.poison_gradient = [](int64_t draw) { return draw % 2 == 0; };
  const GradientResult found =
      refine_by_gradient(bench.scorer, wide(), yarn_seed(), {.steps = 40, .check_every = 10});
  for (const double factor : found.last.factors) EXPECT_TRUE(std::isfinite(factor));
  EXPECT_LT(bench.objective.exact_mean(found.best), bench.objective.exact_mean(yarn_seed().candidate));
}

TEST(GradientRefine, KeepsAFixedTemperature) {
  Bench bench({.target = toy_target(toy_problem()), .temperature = 1.3});
  const GradientResult found =
      refine_by_gradient(bench.scorer, wide(), yarn_seed(), {.steps = 20, .free_temperature = false});
  EXPECT_EQ(found.last.temperature, 1.05);
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
  bench.scorer.gradient(candidate, 0);
  EXPECT_EQ(bench.scorer.spent(), 9);
}

}  // namespace
}  // namespace ropeway
