// The published evolution, individual by individual, against tests/data/published_evolution.txt, which
// published_evolution.py writes: a program of its own, in another language.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "search_fixture.h"
#include "trainer/search/factor_space.h"

namespace ropeway {
namespace {

constexpr int64_t kPairs = 16;

// Best where log lambda rises with the square of the pair's index up to log(scale).
class Bowl : public Objective {
 public:
  explicit Bowl(double scale) : scale_(scale) {}
  int64_t num_documents() const override { return 1; }
  int64_t num_finalist_documents() const override { return 0; }
  const std::string& data_fingerprint() const override { return fingerprint_; }
  int64_t num_targets() const override { return 1600; }
  DocumentScore score(const Candidate& c, int64_t, int64_t) override {
    double total = 1;
    for (int64_t i = 0; i < kPairs; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(kPairs - 1);
      const double away = std::log(c.factors[i]) - std::log(scale_) * share * share;
      total += 0.02 * away * away;
    }
    return {total, total};
  }
  DocumentScore score_finalist(const Candidate&, int64_t) override { return {}; }
  Gradient gradient(const Candidate&, int64_t) override { return {}; }

 private:
  double scale_;
  std::string fingerprint_ = "bowl";
};

struct Individual {
  std::string origin;
  std::vector<double> x;
};
std::vector<Individual> golden(const std::string& search) {
  std::vector<Individual> individuals;
  for (const std::string& line :
       lines_of(read_bytes(ROPEWAY_SOURCE_DIR "/tests/data/published_evolution.txt"))) {
    if (!line.starts_with(search + "; ")) continue;
    const size_t begin = search.size() + 2, end = line.find("; ", begin);
    Individual one{line.substr(begin, end - begin), {}};
    std::istringstream numbers(line.substr(end + 2));
    for (double value = 0; numbers >> value;) one.x.push_back(value);
    individuals.push_back(one);
  }
  return individuals;
}

// The published settings, but for three generations in place of 40.
SearchProblem published(int64_t trained_scale, int64_t target_scale) {
  SearchProblem problem;
  problem.geometry = {kPairs, 1e4, 256};
  problem.target_length = 256 * target_scale;
  problem.trained_length = 256 * trained_scale;
  if (trained_scale > 1) problem.trained_factors.assign(kPairs, static_cast<double>(trained_scale));
  problem.seed = 42;
  problem.options.seeds = SearchSeeds::kPaper;
  problem.options.refine = SearchRefine::kEvolution;
  problem.options.iterations = 3;
  return problem;
}

void expect_golden(const std::string& name, const SearchProblem& problem, double scale) {
  Bowl objective(scale);
  LogFolder folder;
  search_alone(problem, objective, folder / "search.jsonl");
  const std::vector<std::string> lines = lines_of(read_bytes(folder / "search.jsonl"));
  const std::vector<Individual> expected = golden(name);
  ASSERT_EQ(expected.size(), 64u + 3 * 32);
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t k = 0; k < lines.size(); ++k) {
    const auto line = nlohmann::json::parse(lines[k]);
    ASSERT_EQ(line["origin"], expected[k].origin) << name << " individual " << k;
    ASSERT_EQ(expected[k].x.size(), static_cast<size_t>(kPairs));
    for (int64_t i = 0; i < kPairs; ++i) {
      const double base = problem.trained_factors.empty() ? 1 : problem.trained_factors[i];
      ASSERT_NEAR(line["factors"][i].get<double>() / base, expected[k].x[i], 1e-6)
          << name << " individual " << k << ", pair " << i;
    }
  }
}

TEST(PublishedEvolution, IsThatOfAnIndependentProgramForThreeGenerations) {
  expect_golden("first", published(1, 8), 8);
}

TEST(PublishedEvolution, OfASecondSearchToo) { expect_golden("second", published(8, 16), 16); }

// microsoft/LongRoPE's dim_mono.json and the paper's section 3.3.
TEST(PublishedEvolution, HasThePublishedSettings) {
  const SearchRecipe options;
  EXPECT_EQ(options.population, 64);
  EXPECT_EQ(options.mutations, 16);
  EXPECT_EQ(options.crossovers, 16);
  EXPECT_EQ(options.parents, 32);
  EXPECT_EQ(options.iterations, 40);
  EXPECT_EQ(options.max_crossover_tries, 20);
  EXPECT_EQ(options.mutation_probability, 0.3);
  EXPECT_EQ(options.step, 0.01);
  EXPECT_EQ(options.max_scale_margin, 1.25);
  EXPECT_EQ(options.beta_fast, 32);
  EXPECT_EQ(options.beta_slow, 1);
  EXPECT_EQ(published_space(published(1, 8)).high.back(), 10);
  EXPECT_EQ(published_space(published(8, 16)).high.back(), 3) << "1 + s2";
  EXPECT_EQ(published_space(published(8, 64)).high.back(), 10) << "1.25 s2, which is more than 1 + s2";
}

}  // namespace
}  // namespace ropeway
