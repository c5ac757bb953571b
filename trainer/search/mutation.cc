#include "trainer/search/mutation.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace ropeway {
namespace {

constexpr int kMaxRounds = 1000;
constexpr double kRounding = 1e-9;  // of a grid index

int64_t draw_start_tokens(Philox& random) {
  return kStartTokenChoices[random.below(std::size(kStartTokenChoices))];
}

void redraw(Genome& genome, size_t i, const FactorSpace& space, double step, Philox& random) {
  std::vector<double>& x = genome.x;
  const bool first = i == static_cast<size_t>(genome.critical), last = i + 1 == x.size();
  const double left = first ? space.low[i] : x[i - 1];
  const auto points_below = [&](double end) {
    return static_cast<int64_t>(std::ceil((end - left) / step - kRounding));
  };
  const auto points_up_to = [&](double end) {
    return static_cast<int64_t>(std::floor((end - left) / step + kRounding)) + 1;
  };
  const int64_t begin = points_below(std::max(left, space.low[i]));
  int64_t end = points_up_to(space.high[i]);
  if (!last) end = std::min(end, points_below(first ? x[i + 1] : x[i + 1] + step));
  if (end <= begin) return;
  const auto chosen = begin + static_cast<int64_t>(random.below(static_cast<uint64_t>(end - begin)));
  x[i] = std::clamp(left + static_cast<double>(chosen) * step, space.low[i], space.high[i]);
}

// Makes `critical` the critical pair. Pairs that become free by it are brought into their bounds.
void move_critical(Genome& genome, int64_t critical, const FactorSpace& space) {
  for (int64_t i = genome.critical - 1; i >= critical; --i) {
    genome.x[i] = std::clamp(genome.x[i], space.low[i], std::max(space.low[i], genome.x[i + 1]));
  }
  genome.critical = critical;
}

void mutate_critical(Genome& genome, const FactorSpace& space, Philox& random) {
  constexpr int64_t kMoves[] = {-2, -1, 1, 2};
  const int64_t moved = genome.critical + kMoves[random.below(std::size(kMoves))];
  move_critical(genome, std::clamp(moved, space.critical->first, space.critical->last), space);
}

// The genes are the factors, the critical pair where there is one, and the start tokens.
void take_gene(Genome& child, const Genome& from, size_t gene, const FactorSpace& space) {
  if (gene < child.x.size()) {
    child.x[gene] = from.x[gene];
  } else if (space.critical && gene == child.x.size()) {
    move_critical(child, from.critical, space);
  } else {
    child.start_tokens = from.start_tokens;
  }
}

// Genes below the critical pair are what it says.
void settle(Genome& genome, const FactorSpace& space) {
  if (space.critical) genome.x = ntk_left(std::move(genome.x), genome.critical);
}

}  // namespace

std::optional<Genome> mutate(const Genome& parent, const FactorSpace& space, const BreedingOptions& options,
                             const GenomeHistory& history, Philox& random) {
  Genome child = parent;
  for (int round = 0; round < kMaxRounds; ++round) {
    for (size_t i = static_cast<size_t>(child.critical); i < child.x.size(); ++i) {
      if (random.uniform() < options.mutation_probability) redraw(child, i, space, options.step, random);
    }
    if (space.critical && random.uniform() < options.mutation_probability) {
      mutate_critical(child, space, random);
    }
    settle(child, space);
    if (options.start_tokens && random.uniform() < options.mutation_probability) {
      child.start_tokens = draw_start_tokens(random);
    }
    if (space.contains(child.x) && !history.contains(child)) return child;
  }
  return std::nullopt;
}

std::optional<Genome> crossover(const Genome& better, const Genome& worse, const FactorSpace& space,
                                const BreedingOptions& options, const GenomeHistory& history,
                                Philox& random) {
  if (history.same(better, worse)) return std::nullopt;
  Genome child = better;
  const size_t genes = child.x.size() + (options.start_tokens ? 1 : 0) + (space.critical ? 1 : 0);
  for (int64_t attempt = 0; attempt < options.max_crossover_tries; ++attempt) {
    for (size_t i = static_cast<size_t>(space.critical ? space.critical->first : 0); i < genes; ++i) {
      if (random.uniform() >= options.mutation_probability) continue;
      if (random.uniform() < 0.5) {
        take_gene(child, worse, i, space);
        settle(child, space);
      }
      if (space.contains(child.x) && !history.contains(child)) return child;
    }
  }
  return std::nullopt;
}

}  // namespace ropeway
