#include "trainer/search/finalists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "scorer_bench.h"
#include "trainer/search/formulas.h"
#include "trainer/search/ranking_text.h"
#include "trainer/search/seed_families.h"
#include "trainer/search/verdict.h"

namespace ropeway {
namespace {

Candidate good() { return {toy_target(toy_problem()), 1.1, 0, "good"}; }
// Worse by 0.01 nats on every document: temperature_curvature is 1.
Candidate second() { return {toy_target(toy_problem()), 1.1 * std::exp(0.1), 0, "second"}; }

TEST(Finalists, MeanDecidesWhereTailsAgree) {
  Bench bench({.target = toy_target(toy_problem())});
  const Ranking ranking = rank_finalists(bench.scorer, {second(), good()});
  EXPECT_EQ(ranking.finalists.front().candidate.origin, "good");
  EXPECT_NEAR(ranking.finalists[1].figure - ranking.finalists[0].figure, 0.01, 1e-12);
}

TEST(Finalists, ATailThatLosesMoreThanTheMeanGainsDecides) {
  Bench bench({.target = toy_target(toy_problem())});
  double lost_at_the_tail = 0;
  bench.objective.tail = [&](const Candidate& c) { return c.origin == "good" ? lost_at_the_tail : 0.0; };
  // Mean and tail weigh the same, and the tail's loss counts once: 0.01 ahead in both, less half of it.
  for (const auto& [lost, winner] : {std::pair{0.019, "good"}, std::pair{0.021, "second"}}) {
    lost_at_the_tail = lost;
    Bench fresh({.target = toy_target(toy_problem())});
    fresh.objective.tail = bench.objective.tail;
    EXPECT_EQ(rank_finalists(fresh.scorer, {good(), second()}).finalists.front().candidate.origin, winner);
  }
}

// The race goes by the mean of one or two documents: what it puts third may have the better tail.
TEST(Finalists, WithoutRefinementAllOfTheRacesSecondDocumentTakePart) {
  SearchProblem problem = toy_problem();
  problem.options.refine = SearchRefine::kNone;
  problem.options.temperature = {TemperaturePolicy::kNumber, 1.1};
  LogFolder folder;
  // So flat that the race's four come close.
  SyntheticObjective plain({.target = toy_target(problem), .curvature = 0.001});
  const SearchOutcome by_mean = search_alone(problem, plain, folder / "plain.jsonl");
  ASSERT_GE(by_mean.finalists.size(), 4u);
  SyntheticObjective steep({.target = toy_target(problem), .curvature = 0.001});
  steep.tail = [&](const Candidate& c) {
    const bool is_ahead = c.origin == by_mean.finalists[0].origin || c.origin == by_mean.finalists[1].origin;
    return is_ahead ? 1.0 : 0.0;
  };
  const SearchOutcome by_tail = search_alone(problem, steep, folder / "steep.jsonl");
  EXPECT_EQ(by_tail.best.origin, by_mean.finalists[2].origin);
}

Ranking made_up() {
  const auto candidate = [](const char* origin) { return Candidate{{1, 2}, 1.1, 0, origin}; };
  return {
      .finalists = {{candidate("jump"), 1.36, 1.34, 0.4, 1.39}, {candidate("ramp"), 1.35, 1.36, 0.6, 1.415}},
      .held_out_documents = 6,
      .ranking_documents = 1};
}

TEST(RankingText, TellsTheRuleTheFiguresAndWhatDecided) {
  EXPECT_EQ(
      ranking_text(made_up()),
      (std::vector<std::string>{
          "2 finalists by 0.5 x mean loss + 0.5 x that of the last quarter + 0.1 x that of a passkey's "
          "digits, on 6 held-out documents (the mean on 1 ranking document as well):",
          "  1.3900  jump (mean 1.3600, last quarter 1.3400, digits 0.4000)",
          "  1.4150  ramp (mean 1.3500, last quarter 1.3600, digits 0.6000)",
          "  jump is 0.0250 ahead of ramp: -0.0050 by the mean, +0.0100 by the last quarter, +0.0200 by "
          "the digits"}));
}

TEST(RankingText, OfAReadjustNamesWhatMayNotWin) {
  Ranking ranking = made_up();
  ranking.readjust = true;
  ranking.finalists[1].may_win = false;
  EXPECT_EQ(
      ranking_text(ranking),
      (std::vector<std::string>{
          "2 finalists by mean loss on 1 ranking document and 6 held-out documents; what loses to the "
          "kept factors on either may not win:",
          "  1.3900  jump", "  1.4150  ramp, worse than the kept factors", "  jump is all that may win"}));
  EXPECT_TRUE(ranking_text({}).empty());
}

TEST(Verdict, WeighsMeanAndTailAsTheRuleDoes) {
  Bench bench({.target = toy_target(toy_problem())});
  bench.objective.tail = [](const Candidate& c) { return c.origin == "good" ? 0.004 : 0.0; };
  bench.objective.needle = [](const Candidate& c) { return c.origin == "good" ? 0.5 : 2.0; };
  const SearchVerdict verdict = weigh_on_held_out(bench.scorer, good(), second(), FinalistRule{});
  EXPECT_NEAR(verdict.gain, 0.01 - 0.5 * 0.004, 1e-12);
  EXPECT_NEAR(verdict.needle_found, 0.5, 1e-12);
  EXPECT_NEAR(verdict.needle_rival, 2, 1e-12);
  const FinalistRule by_mean = finalist_rule(SearchFitness::kText, true);
  EXPECT_NEAR(weigh_on_held_out(bench.scorer, good(), second(), by_mean).gain, 0.01, 1e-12);
  EXPECT_TRUE(verdict.held_out);
  EXPECT_EQ(bench.objective.finalist_evaluations, 4) << "the second question is answered from memory";
}

// By hand: 32 stretches of two documents, each document a difference of its own.
TEST(Verdict, HasTheIntervalOfPairedDifferences) {
  Bench bench({.target = toy_target(toy_problem()), .document_noise = 0.3});
  Candidate other = good();
  other.factors.back() *= 1.5;
  other.origin = "other";
  const SearchVerdict verdict =
      weigh_on_held_out(bench.scorer, good(), other, finalist_rule(SearchFitness::kText, true));
  std::vector<double> gains;
  for (int64_t j = 0; j < 2; ++j) {
    const DocumentScore own = bench.objective.score_finalist(good(), j);
    const DocumentScore rival = bench.objective.score_finalist(other, j);
    for (size_t b = 0; b < 16; ++b) gains.push_back(rival.blocks[b] - own.blocks[b]);
  }
  double mean = 0, variance = 0;
  for (const double gain : gains) mean += gain / 32;
  for (const double gain : gains) variance += (gain - mean) * (gain - mean) / 31;
  const double half = 2.039513 * std::sqrt(variance / 32);  // Student's t, 31 degrees of freedom
  ASSERT_TRUE(verdict.interval.has_value());
  EXPECT_NEAR(verdict.gain, mean, 1e-12);
  EXPECT_NEAR(verdict.interval->low, mean - half, 1e-6 * half);
  EXPECT_NEAR(verdict.interval->high, mean + half, 1e-6 * half);
  EXPECT_GT(half, 0);
}

SearchVerdict figures(double gain, double low, double high, double digits_found = 0,
                      double digits_rival = 0) {
  return {.found = "jump",
          .rival = "yarn",
          .gain = gain,
          .interval = Interval{low, high},
          .needle_found = digits_found,
          .needle_rival = digits_rival,
          .documents = 6};
}

TEST(Verdict, ASearchPaysWhereTheIntervalOrTheDigitsSaySo) {
  EXPECT_TRUE(search_pays(figures(0.01, 0.005, 0.015)));
  EXPECT_FALSE(search_pays(figures(0.01, -0.005, 0.025)));
  EXPECT_FALSE(search_pays(figures(-0.01, -0.015, -0.005, 0.1, 3)));  // text got worse
  EXPECT_TRUE(search_pays(figures(0.001, -0.005, 0.007, 0.1, 0.7)));
  EXPECT_FALSE(search_pays(figures(0.001, -0.005, 0.007, 0.1, 0.5)));
  SearchVerdict verdict = figures(0, 0, 0);
  verdict.same = true;
  EXPECT_FALSE(search_pays(verdict));
  EXPECT_FALSE(search_pays({}));
}

// Ranked by needles: the better text does not win.
TEST(Finalists, OfASearchByNeedlesGoByTheirAnswers) {
  Bench bench({.target = toy_target(toy_problem()), .needles = 3});
  bench.objective.needle = [](const Candidate& c) { return c.origin == "good" ? 0.5 : 0.4; };
  const auto order = [&](SearchFitness fitness) {
    return rank_finalists(bench.scorer, {good(), second()}, finalist_rule(fitness, false)).finalists;
  };
  EXPECT_EQ(order(SearchFitness::kNeedle).front().candidate.origin, "second");
  EXPECT_NEAR(order(SearchFitness::kNeedle).front().figure, 0.4, 1e-12);
  // 0.01 nats of text against a tenth of 0.1.
  EXPECT_NEAR(order(SearchFitness::kMixed)[1].figure - order(SearchFitness::kMixed)[0].figure, 0, 1e-12);
}

TEST(RankingText, OfNeedlesNamesTheAnswers) {
  Ranking ranking = made_up();
  ranking.ranking_documents = 0;
  ranking.rule = finalist_rule(SearchFitness::kNeedle, false);
  EXPECT_EQ(
      ranking_text(ranking),
      (std::vector<std::string>{"2 finalists by the loss of the needles' answers, on 6 held-out documents:",
                                "  1.3900  jump (mean 1.3600, last quarter 1.3400, answers 0.4000)",
                                "  1.4150  ramp (mean 1.3500, last quarter 1.3600, answers 0.6000)",
                                "  jump is 0.0250 ahead of ramp"}));
}

// Two documents of three needles each, whose losses are needle - 0.1, needle and needle + 0.1.
TEST(Verdict, OfASearchByNeedlesHasTheirInterval) {
  Bench bench({.target = toy_target(toy_problem()), .needles = 3});
  bench.objective.needle = [](const Candidate& c) { return c.origin == "good" ? 2.0 : 0.5; };
  const FinalistRule rule = finalist_rule(SearchFitness::kNeedle, false);
  const SearchVerdict verdict = weigh_on_held_out(bench.scorer, second(), good(), rule);
  EXPECT_EQ(verdict.needles, 6);
  ASSERT_TRUE(verdict.needle_interval.has_value());
  EXPECT_NEAR(verdict.needle_interval->low, 1.5, 1e-12) << "all six differ by the same";
  EXPECT_LT(verdict.gain, 0) << "its text is worse";
  EXPECT_TRUE(search_pays(verdict));
  EXPECT_FALSE(search_pays(weigh_on_held_out(bench.scorer, good(), second(), rule)));
  EXPECT_EQ(
      verdict_text(verdict, 47),
      "use the search: second answers 1.5000 nats per token better than good (95% 1.5000 to 1.5000), 0.50 "
      "nats against 2.00 over 6 needles; its text is 0.0100 nats per token worse (95% -0.0100 to -0.0100) on "
      "2 held-out documents; 47 passes");
}

TEST(Verdict, IsToldInOneSentence) {
  EXPECT_EQ(
      verdict_text(figures(0.0123, 0.0101, 0.0145, 0.38, 2.31), 47),
      "use the search: jump is 0.0123 nats per token better than yarn (95% 0.0101 to 0.0145) on 6 held-out "
      "documents, passkey digits 0.38 nats against 2.31; 47 passes");
  EXPECT_EQ(verdict_text(figures(-0.0010, -0.0030, 0.0010), 47.4),
            "yarn is as good: jump is 0.0010 nats per token worse than yarn (95% -0.0030 to 0.0010) on 6 "
            "held-out documents; 47 passes");
  SearchVerdict same = figures(0, 0, 0);
  same.same = true;
  EXPECT_EQ(verdict_text(same, 40), "the search found yarn, which needs no search; 40 passes");
}

std::vector<Candidate> rivals(const SearchProblem& problem) {
  std::vector<Candidate> all = formulas(problem);
  for (const Candidate& ramp : ramp_seeds(problem)) all.push_back(ramp);
  return all;
}

TEST(Verdict, OfASearchIsAgainstTheBestFormula) {
  const SearchProblem problem = toy_problem();
  LogFolder folder;
  SyntheticObjective objective({.target = toy_target(problem)});
  const SearchOutcome outcome = search_alone(problem, objective, folder / "search.jsonl");
  // Of the formulas for 8x this one is nearest to the landscape's jump.
  double least = std::numeric_limits<double>::infinity();
  std::string nearest;
  for (const Candidate& rival : rivals(problem)) {
    const double loss = objective.exact_mean(rival);
    if (loss < least) nearest = rival.origin;
    least = std::min(least, loss);
  }
  EXPECT_EQ(outcome.verdict.rival, nearest);
  EXPECT_TRUE(outcome.verdict.held_out);
  EXPECT_GT(outcome.verdict.gain, 0);
  EXPECT_TRUE(search_pays(outcome.verdict));
  const SearchOutcome again = search_alone(problem, objective, folder / "search.jsonl");
  EXPECT_EQ(again.verdict.gain, outcome.verdict.gain);
}

TEST(Verdict, OfThePublishedEvolutionIsOnItsRankingDocuments) {
  SearchProblem problem = toy_problem();
  problem.options.seeds = SearchSeeds::kPaper;
  problem.options.refine = SearchRefine::kEvolution;
  problem.options.population = 8;
  problem.options.mutations = problem.options.crossovers = 3;
  problem.options.parents = 4;
  problem.options.iterations = 4;
  LogFolder folder;
  SyntheticObjective objective({.target = toy_target(problem)});
  const SearchOutcome outcome = search_alone(problem, objective, folder / "search.jsonl");
  EXPECT_EQ(outcome.verdict.rival, "yarn(32,1)");
  EXPECT_FALSE(outcome.verdict.held_out);
  EXPECT_EQ(outcome.verdict.documents, 5);
  EXPECT_TRUE(outcome.ranking.finalists.empty());
  EXPECT_EQ(objective.finalist_evaluations, 0);
}

}  // namespace
}  // namespace ropeway
