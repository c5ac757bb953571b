#include "trainer/search/mutation.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace ropeway {
namespace {

constexpr int kMaxRounds = 1000;
constexpr double kRounding = 1e-9;  // of a grid index

int64_t draw_start_tokens(Philox& random) {
  return kStartTokenChoices[random.below(std::size(kStartTokenChoices))];
}

void redraw(std::vector<double>& x, size_t i, const FactorSpace& space, double step, Philox& random) {
  const double left = i == 0 ? space.low[0] : x[i - 1];
  const double lowest = std::max(left, space.low[i]);
  const double highest = i + 1 == x.size() ? space.high[i] : std::min(space.high[i], x[i + 1]);
  const auto first = static_cast<int64_t>(std::ceil((lowest - left) / step - kRounding));
  const auto last = static_cast<int64_t>(std::floor((highest - left) / step + kRounding));
  if (last < first) return;
  const auto chosen = first + static_cast<int64_t>(random.below(static_cast<uint64_t>(last - first + 1)));
  x[i] = std::clamp(left + static_cast<double>(chosen) * step, lowest, highest);
}

}  // namespace

std::optional<Genome> mutate(const Genome& parent, const FactorSpace& space, const BreedingOptions& options,
                             const GenomeHistory& history, Philox& random) {
  Genome child = parent;
  for (int round = 0; round < kMaxRounds; ++round) {
    for (size_t i = 0; i < child.x.size(); ++i) {
      if (random.uniform() < options.mutation_probability) redraw(child.x, i, space, options.step, random);
    }
    if (options.start_tokens && random.uniform() < options.mutation_probability) {
      child.start_tokens = draw_start_tokens(random);
    }
    if (!history.contains(child)) return child;
  }
  return std::nullopt;
}

std::optional<Genome> crossover(const Genome& better, const Genome& worse, const FactorSpace& space,
                                const BreedingOptions& options, const GenomeHistory& history,
                                Philox& random) {
  if (history.same(better, worse)) return std::nullopt;
  Genome child = better;
  const size_t genes = child.x.size() + (options.start_tokens ? 1 : 0);
  for (int64_t attempt = 0; attempt < options.max_crossover_tries; ++attempt) {
    for (size_t i = 0; i < genes; ++i) {
      if (random.uniform() >= options.mutation_probability) continue;
      if (random.uniform() < 0.5) {
        if (i < child.x.size()) {
          child.x[i] = worse.x[i];
        } else {
          child.start_tokens = worse.start_tokens;
        }
      }
      if (space.contains(child.x) && !history.contains(child)) return child;
    }
  }
  return std::nullopt;
}

}  // namespace ropeway
