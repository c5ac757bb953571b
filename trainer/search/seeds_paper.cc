// The published start (LongRoPE, section 3.3): P0 holds PI, NTK-aware and YaRN.
#include <algorithm>
#include <cmath>

#include "trainer/search/factor_space.h"
#include "trainer/search/seeds.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {

int64_t first_dim_with_period(const std::vector<double>& periods, double length) {
  return std::find_if(periods.begin(), periods.end(), [length](double period) { return period >= length; }) -
         periods.begin();
}

int64_t critical_dim(const SearchProblem& problem) {
  return first_dim_with_period(periods(problem.geometry, problem.trained_factors),
                               static_cast<double>(trained_length(problem)));
}

std::vector<Candidate> paper_seeds(const SearchProblem& problem) {
  const RopeGeometry& g = problem.geometry;
  const FactorSpace space = published_space(problem);
  const double temperature = seed_temperature(problem);
  std::vector<double> yarn;
  double scale = remaining_scale(problem);
  if (problem.readjust) {
    // Inside the tuned range the remaining scale is at most 1, where all three are the identity; the middle
    // of the range (in the logarithm) is where mutants can go both ways.
    const double tuned =
        static_cast<double>(trained_length(problem)) / static_cast<double>(problem.geometry.original_length);
    scale = std::max({1.0, total_scale(problem), std::sqrt(tuned)});
    yarn = yarn_factors(g, scale);
  } else {
    yarn = yarn_factors(
        g, scale, {.trained_factors = problem.trained_factors, .trained_length = trained_length(problem)});
  }
  std::vector<Candidate> seeds;
  const auto add = [&](const std::string& origin, const std::vector<double>& stretch) {
    std::vector<double> factors = space.factors(stretch);
    if (problem.readjust) factors = space.factors(space.coordinates(factors));
    seeds.push_back({.factors = factors, .temperature = temperature, .start_tokens = 0, .origin = origin});
  };
  add("pi", pi_factors(g.pairs, scale));
  add("ntk", ntk_factors(g.pairs, scale));
  add("yarn(32,1)", yarn);
  return seeds;
}

}  // namespace ropeway
