#include "trainer/search/seed_paper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/rope/yarn.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {

std::vector<Candidate> paper_seeds(const SearchProblem& problem) {
  const RopeGeometry& g = problem.geometry;
  const FactorSpace space = published_space(problem);
  const double temperature = seed_temperature(problem);
  std::vector<double> yarn;
  YarnOptions ramp{.beta_fast = problem.options.beta_fast, .beta_slow = problem.options.beta_slow};
  double scale = remaining_scale(problem);
  if (problem.readjust) {
    // Inside the tuned range the remaining scale is at most 1, where all three are the identity; the middle
    // of the range (in the logarithm) is where mutants can go both ways.
    scale = std::max({1.0, total_scale(problem), std::sqrt(trained_scale(problem))});
    yarn = yarn_factors(g, scale, ramp);
  } else {
    ramp.trained_factors = problem.trained_factors;
    ramp.trained_length = trained_length(problem);
    yarn = yarn_factors(g, scale, ramp);
  }
  std::vector<Candidate> seeds;
  const auto add = [&](const std::string& origin, const std::vector<double>& stretch) {
    std::vector<double> factors = space.factors(stretch);
    if (problem.readjust) factors = space.factors(space.coordinates(factors));
    seeds.push_back({.factors = factors, .temperature = temperature, .start_tokens = 0, .origin = origin});
  };
  add("pi", pi_factors(g.pairs, scale));
  add("ntk", ntk_factors(g.pairs, scale));
  add(fmt::format("yarn({},{})", ramp.beta_fast, ramp.beta_slow), yarn);
  return seeds;
}

}  // namespace ropeway
