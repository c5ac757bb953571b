// LongRoPE2's critical pair: where it may lie, the seeds and the space around it, and how it is searched for.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "scorer_bench.h"
#include "search_fixture.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/gradient_refine.h"
#include "trainer/search/mutation.h"
#include "trainer/search/seed_critical.h"

namespace ropeway {
namespace {

SearchProblem of_model(int64_t pairs, double theta, int64_t window, int64_t scale) {
  SearchProblem problem;
  problem.geometry = {pairs, theta, window};
  problem.target_length = window * scale;
  problem.trained_length = window;
  problem.options.seeds = SearchSeeds::kLongRope2;
  problem.options.max_scale_margin = 2;
  return problem;
}
SearchProblem toy() {
  SearchProblem problem = toy_problem();
  problem.options.seeds = SearchSeeds::kLongRope2;
  problem.options.max_scale_margin = 2;
  return problem;
}

// The factors that microsoft released: Phi-4-mini (48 pairs, critical one 31) and LLaMA3-8B (64 pairs, 33).
TEST(CriticalPair, LeftPartIsThatOfTheReleasedSets) {
  const auto phi = ntk_left(pi_factors(48, 32.03), 31), llama = ntk_left(pi_factors(64, 21.81), 33);
  EXPECT_NEAR(phi[1], 1.118320672, 5e-10);
  EXPECT_NEAR(phi[30], 28.64115884, 5e-9);
  EXPECT_NEAR(llama[1], 1.097906417, 1e-9);
  EXPECT_NEAR(llama[32], 19.8650811, 5e-8);
}

struct Range {
  SearchProblem problem;
  int64_t first, last;
};

// Pairs that turn ten times and once in the window, of models whose figures can be looked up.
TEST(CriticalPair, LiesBetweenTenTurnsAndOne) {
  const Range ranges[] = {{of_model(48, 1e4, 2048, 64), 19, 31}, {of_model(64, 5e5, 8192, 16), 24, 35},
                          {of_model(64, 1e4, 4096, 32), 30, 46}, {of_model(64, 1e4, 8192, 16), 34, 50},
                          {of_model(48, 1e4, 4096, 32), 22, 34}, {of_model(64, 1e6, 32768, 4), 29, 40},
                          {of_model(32, 5e5, 8192, 16), 12, 18}};
  for (const Range& range : ranges) {
    const CriticalPairs found = critical_pairs(range.problem);
    EXPECT_EQ(found.first, range.first) << range.problem.geometry.theta << " " << range.last;
    EXPECT_EQ(found.last, range.last) << range.problem.geometry.theta << " " << range.first;
  }
}

TEST(CriticalPair, HasAPairBelowItWhereNoneTurnsOnce) {
  const CriticalPairs found = critical_pairs(of_model(4, 10, 2, 8));
  EXPECT_EQ(found.first, 1);
  EXPECT_EQ(found.last, 1);
}

void expect_feasible(const FactorSpace& space, const std::vector<double>& x, const std::string& what) {
  const int64_t c = space.first_free(x);
  ASSERT_GE(c, space.critical->first) << what;
  ASSERT_LE(c, space.critical->last) << what;
  ASSERT_TRUE(is_monotone(x)) << what;
  for (int64_t i = 0; i < std::ssize(x); ++i) {
    if (i < c) {
      ASSERT_NEAR(x[i], std::pow(x[c], static_cast<double>(i) / static_cast<double>(c)), 1e-9)
          << what << " " << i;
    } else {
      ASSERT_GE(x[i], space.low[i] - 1e-12) << what << " " << i;
      ASSERT_LE(x[i], space.high[i] + 1e-12) << what << " " << i;
    }
  }
}

TEST(CriticalPair, SeedsHoldEveryOneAndLieInTheSpace) {
  const SearchProblem problem = toy();
  const FactorSpace space = critical_space(problem);
  EXPECT_EQ(space.low[20], 8);
  EXPECT_EQ(space.high[20], 16);
  const auto seeds = critical_seeds(problem);
  EXPECT_EQ(seeds.size(), 2u * 9);  // 5 to 13
  std::set<int64_t> pairs;
  for (const Candidate& seed : seeds) {
    expect_feasible(space, space.coordinates(seed.factors), seed.origin);
    EXPECT_EQ(space.coordinates(seed.factors), seed.factors) << seed.origin;
    pairs.insert(space.first_free(seed.factors));
  }
  EXPECT_EQ(pairs.size(), 9u);
  const auto population = critical_population(problem, 64);
  EXPECT_EQ(population.size(), 64u);
  for (const Candidate& one : population) {
    expect_feasible(space, one.factors, one.origin);
    EXPECT_EQ(one.factors.back(), std::round(one.factors.back()));
  }
}

// Tuned a little below its scale: the stretch makes up for it in the slow pairs.
TEST(CriticalPair, OfATunedModelStretchesItsFactors) {
  SearchProblem problem = toy();
  problem.target_length = 64 * 256;
  problem.trained_length = 2048;
  problem.trained_factors = jump_factors(32, 7.5, 9, 13, 3);
  const FactorSpace space = critical_space(problem);
  EXPECT_NEAR(space.low[31] * 7.5, 64, 1e-12);
  for (const Candidate& seed : critical_seeds(problem)) {
    expect_feasible(space, space.coordinates(seed.factors), seed.origin);
    EXPECT_GE(seed.factors[20], 64 - 1e-9) << seed.origin;
  }
}

TEST(CriticalPair, MutantsAndCrossoversKeepTheRule) {
  const SearchProblem problem = toy();
  const FactorSpace space = critical_space(problem);
  GenomeHistory history(0.01);
  std::vector<Genome> genomes;
  for (const Candidate& seed : critical_seeds(problem)) {
    genomes.push_back({space.coordinates(seed.factors), 0, space.first_free(seed.factors)});
    history.insert(genomes.back());
  }
  std::set<int64_t> moved;
  int crossed = 0;
  for (uint32_t k = 0; k < 3000; ++k) {
    Philox random(3, Stream::kMutation, 1, k), other(3, Stream::kCrossover, 1, k);
    const auto mutant = mutate(genomes[k % genomes.size()], space, {}, history, random);
    ASSERT_TRUE(mutant);
    expect_feasible(space, mutant->x, fmt::format("mutant {}", k));
    EXPECT_TRUE(history.insert(*mutant));
    moved.insert(mutant->critical);
    genomes.push_back(*mutant);
    const auto child = crossover(genomes[k % genomes.size()], genomes[(7 * k + 1) % genomes.size()], space,
                                 {}, history, other);
    if (!child) continue;
    ++crossed;
    expect_feasible(space, child->x, fmt::format("crossover {}", k));
    EXPECT_TRUE(history.insert(*child));
    genomes.push_back(*child);
  }
  EXPECT_EQ(moved.size(), 9u) << "every pair that may be critical comes up";
  EXPECT_GT(crossed, 500);
}

// A landscape whose best is NTK up to pair 9 and a rising tail: the pair is found among the nine.
class CriticalSearch : public testing::TestWithParam<SearchRefine> {};

TEST_P(CriticalSearch, FindsThePair) {
  SearchProblem problem = toy();
  problem.options.refine = GetParam();
  problem.options.iterations = 10;
  problem.options.gradient_steps = 20;
  std::vector<double> target = pi_factors(32, 10.9);
  for (size_t i = 9; i < 32; ++i) target[i] += 0.05 * static_cast<double>(i - 9);
  target = ntk_left(target, 9);
  SyntheticObjective objective({.target = target, .document_noise = 0});
  LogFolder folder;
  const SearchOutcome outcome = search_alone(problem, objective, folder / "search.jsonl");
  const FactorSpace space = critical_space(problem);
  EXPECT_EQ(space.first_free(outcome.best.factors), 9);
  expect_feasible(space, outcome.best.factors, outcome.best.origin);
  EXPECT_FALSE(outcome.verdict.rival.empty());
  EXPECT_TRUE(outcome.verdict.held_out);
  double seeds = std::numeric_limits<double>::infinity();
  for (Candidate seed : critical_seeds(problem)) {
    seed.temperature = outcome.best.temperature;
    seeds = std::min(seeds, objective.exact_mean(seed));
  }
  if (GetParam() != SearchRefine::kNone) {
    EXPECT_LT(outcome.fitness, seeds - 1e-4) << "refinement gains";
  }
  SyntheticObjective none({.target = target, .document_noise = 0});
  EXPECT_EQ(search_alone(problem, none, folder / "search.jsonl").log_sha256, outcome.log_sha256);
  EXPECT_EQ(none.calls, 0);
}
INSTANTIATE_TEST_SUITE_P(All, CriticalSearch,
                         testing::Values(SearchRefine::kEvolution, SearchRefine::kGradient,
                                         SearchRefine::kNone),
                         [](const auto& info) { return std::string(word_of(info.param)); });

// One step of Adam moves every free pair by its unit, whatever the slope is; pairs below follow the
// critical one, and its slope is that of all of them together.
TEST(CriticalPair, GradientStepsMoveThePairsBelowWithIt) {
  const SearchProblem problem = toy();
  const FactorSpace space = critical_space(problem);
  const Candidate seed{ntk_left(pi_factors(32, 10), 9), 1.05, 0, "seed"};
  // Below the critical pair the target is lower than the seed, at it a little higher: together they pull
  // it down.
  std::vector<double> target = seed.factors;
  target[9] *= 1.01;
  for (size_t i = 1; i < 9; ++i) target[i] *= 0.8;
  Bench bench({.target = target, .temperature = 1.05, .document_noise = 0});
  const GradientResult found = refine_by_gradient(bench.scorer, space, plain_frequencies(problem.geometry),
                                                  seed, {.steps = 20, .check_every = 10});
  EXPECT_LT(found.last.factors[9], 10);
  EXPECT_EQ(space.first_free(found.last.factors), 9);
  expect_feasible(space, found.last.factors, "the last step");
  EXPECT_LT(bench.objective.exact_mean(found.best), bench.objective.exact_mean(seed));
}

TEST(CriticalPair, OfAReadjustIsRefused) {
  SearchProblem problem = toy();
  problem.target_length = 256;
  problem.trained_length = 2048;
  problem.trained_factors = pi_factors(32, 8);
  problem.readjust = true;
  SyntheticObjective objective({.target = toy_target(toy_problem())});
  LogFolder folder;
  try {
    search_alone(problem, objective, folder / "search.jsonl");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
  }
}

}  // namespace
}  // namespace ropeway
