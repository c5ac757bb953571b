#include "trainer/search/seed_critical.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/random.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/seed_list.h"

namespace ropeway {
namespace {

constexpr uint32_t kFirstSeed = 1 << 20;  // draws of its own: the evolution's mutants begin at 0
constexpr double kReleasedTail = 1.36;    // of LLaMA3-8B at 16 times its window: 21.81

void add(const SearchProblem& problem, const FactorSpace& space, int64_t pair, double tail, SeedList& list) {
  const std::vector<double> x = ntk_left(pi_factors(problem.geometry.pairs, tail), pair);
  list.add_total(fmt::format("longrope2({},{:.4g})", pair, tail),
                 space.factors(space.coordinates(space.factors(x))));
}

double highest(const FactorSpace& space) { return *std::max_element(space.high.begin(), space.high.end()); }

}  // namespace

std::vector<Candidate> critical_seeds(const SearchProblem& problem) {
  const FactorSpace space = critical_space(problem);
  const double scale = remaining_scale(problem);
  SeedList list(problem);
  for (int64_t pair = space.critical->first; pair <= space.critical->last; ++pair) {
    for (const double share : {1.0, kReleasedTail}) {
      add(problem, space, pair, std::min(share * scale, highest(space)), list);
    }
  }
  return list.take();
}

std::vector<Candidate> critical_population(const SearchProblem& problem, int64_t count) {
  const FactorSpace space = critical_space(problem);
  const auto lowest = static_cast<int64_t>(std::ceil(remaining_scale(problem)));
  const auto top = std::max(lowest, static_cast<int64_t>(std::floor(highest(space))));
  const int64_t pairs = space.critical->last - space.critical->first + 1;
  SeedList list(problem);
  for (int64_t k = 0; k < count; ++k) {
    Philox random(problem.seed, Stream::kMutation, 0, kFirstSeed + static_cast<uint32_t>(k));
    const auto above = static_cast<int64_t>(random.below(static_cast<uint64_t>(top - lowest + 1)));
    add(problem, space, space.critical->first + k % pairs, static_cast<double>(lowest + above), list);
  }
  return list.take();
}

}  // namespace ropeway
