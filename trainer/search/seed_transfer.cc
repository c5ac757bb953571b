#include "trainer/search/seed_transfer.h"

#include <algorithm>
#include <cmath>

#include "trainer/search/seed_list.h"

namespace ropeway {

std::vector<Candidate> transferred_seeds(const SearchProblem& problem) {
  const std::vector<double> tuned = trained_factors(problem);
  const FactorSet* nearest = nullptr;
  for (const FactorSet& set : problem.known_sets) {
    const bool usable = set.max_length > trained_length(problem) && set.max_length <= problem.target_length &&
                        set.factors.size() == tuned.size();
    if (usable && (nearest == nullptr || set.max_length >= nearest->max_length)) nearest = &set;
  }
  if (nearest == nullptr) return {};
  SeedList list(problem);
  if (nearest->max_length == problem.target_length) {
    list.add_total(nearest->name, nearest->factors);
    return list.take();
  }
  const double known =
      static_cast<double>(nearest->max_length) / static_cast<double>(trained_length(problem));
  const double wanted = remaining_scale(problem);
  std::vector<double> ramp(tuned.size()), power(tuned.size());
  for (size_t i = 0; i < tuned.size(); ++i) {
    const double stretch =
        std::isinf(tuned[i]) ? 1 : nearest->factors[i] / tuned[i];  // stopped once, stopped for good
    // 1/lambda = m + (1-m)/s. A factor above s has no such weight: it keeps its ratio to s.
    const double kept = (1 / stretch - 1 / known) / (1 - 1 / known);
    ramp[i] =
        kept >= 0 ? 1 / (std::min(kept, 1.0) + (1 - std::min(kept, 1.0)) / wanted) : stretch / known * wanted;
    power[i] = std::pow(std::max(stretch, 1.0), std::log(wanted) / std::log(known));
  }
  list.add_stretch("ramp of " + nearest->name, ramp);
  list.add_stretch("power of " + nearest->name, power);
  return list.take();
}

}  // namespace ropeway
