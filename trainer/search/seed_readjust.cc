#include "trainer/search/seed_readjust.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/rope/yarn.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/seed_list.h"

namespace ropeway {

std::vector<Candidate> readjust_seeds(const SearchProblem& problem) {
  const RopeGeometry& g = problem.geometry;
  const FactorSpace space = family_space(problem);
  SeedList list(problem);
  const auto add = [&](const std::string& origin, const std::vector<double>& factors) {
    list.add_total(origin, space.factors(space.coordinates(factors)));
  };
  for (const double share : {0.0, 0.25, 0.5, 0.75, 0.9, 1.0}) {
    std::vector<double> factors = list.tuned();
    for (double& factor : factors) factor = std::pow(factor, share);
    add(fmt::format("tuned^{}", share), factors);
  }
  for (const double share : {0.25, 0.5, 0.75}) {
    const double scale = std::pow(std::max(trained_scale(problem), 1.0), share);
    if (scale <= 1) break;
    for (const double fast : {8.0, 32.0}) {
      YarnOptions ramp;
      ramp.beta_fast = fast;
      add(fmt::format("yarn({},1) at {:.3g}x", fast, scale), yarn_factors(g, scale, ramp));
    }
    add(fmt::format("ntk at {:.3g}x", scale), ntk_factors(g.pairs, scale));
  }
  return list.take();
}

}  // namespace ropeway
