// Ramps keep fast dims, interpolate slow ones by s and mix in between; jumps keep the mixture small and step
// to s at the critical dim; a clip steps to infinity there.
#include "trainer/search/seed_families.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/rope/clipped.h"
#include "trainer/rope/yarn.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/seed_list.h"
#include "trainer/search/seed_readjust.h"
#include "trainer/search/seed_transfer.h"

namespace ropeway {
namespace {

struct FamilyGrid {
  std::vector<double> beta_fast, beta_slow;   // ramps
  std::vector<double> start, width, plateau;  // jumps: T_c / L_t, T_c / T_a, ln p / ln s
};
const FamilyGrid kFullGrid{{2, 4, 8, 16, 32, 64}, {1, 1.5}, {1, 1.3, 1.75, 2.4}, {4, 13}, {0.45, 0.6, 0.7}};
// Where a pass is expensive, or a shorter target or the tuned factors tell most of it already.
const FamilyGrid kShortGrid{{4, 8, 32}, {1}, {1, 1.3, 1.75}, {4, 13}, {0.6}};

// First dim with T_i >= length; the number of pairs when there is none.
int64_t first_dim_with_period(const std::vector<double>& periods, double length) {
  return std::find_if(periods.begin(), periods.end(), [length](double period) { return period >= length; }) -
         periods.begin();
}

// NTK that brings the critical dim to the target: log-linear in i, s2 at the dim whose period is the trained
// length. On an original model this is ntk_critical_factors.
std::vector<double> critical_stretch(const SearchProblem& problem) {
  const RopeGeometry& g = problem.geometry;
  const double scale = remaining_scale(problem);
  if (problem.trained_factors.empty()) return ntk_critical_factors(g, scale);
  const int64_t c = std::max<int64_t>(1, std::min(critical_dim(problem), g.pairs - 1));
  std::vector<double> stretch(g.pairs);
  for (int64_t i = 0; i < g.pairs; ++i) {
    stretch[i] = std::pow(scale, static_cast<double>(i) / static_cast<double>(c));
  }
  return stretch;
}

void add_ramps(const SearchProblem& problem, const FamilyGrid& grid, const std::string& prefix,
               SeedList& list) {
  for (const double fast : grid.beta_fast) {
    for (const double slow : grid.beta_slow) {
      list.add_stretch(fmt::format("{}yarn({},{})", prefix, fast, slow),
                       yarn_factors(problem.geometry, remaining_scale(problem),
                                    {.beta_fast = fast,
                                     .beta_slow = slow,
                                     .trained_factors = problem.trained_factors,
                                     .trained_length = trained_length(problem)}));
    }
  }
}

// jump(a, c, p), s counted from the original window; on a tuned model no dim falls below its tuned factor.
void add_jumps(const SearchProblem& problem, const FamilyGrid& grid, SeedList& list) {
  const int64_t pairs = problem.geometry.pairs;
  const double scale = total_scale(problem);
  const std::vector<double> turns = periods(problem.geometry, problem.trained_factors);
  const bool tuned = !problem.trained_factors.empty();
  for (const double start : grid.start) {
    const int64_t c = first_dim_with_period(turns, start * static_cast<double>(trained_length(problem)));
    if (c >= pairs) continue;  // every period fits: there is nothing to jump over
    for (const double width : grid.width) {
      const int64_t a = std::min(c, first_dim_with_period(turns, turns[c] / width));
      for (const double plateau : grid.plateau) {
        std::vector<double> factors = jump_factors(pairs, scale, a, c, std::pow(scale, plateau));
        for (int64_t i = 0; i < pairs; ++i) factors[i] = std::max(factors[i], list.tuned()[i]);
        list.add_total(
            fmt::format("{}jump({},{},{}){}", tuned ? "max(tuned, " : "", a, c, plateau, tuned ? ")" : ""),
            factors);
      }
    }
  }
}

// A search on tuned factors of 7.5 where 8 was the scale would multiply the lack. "unchanged" stays what it
// says.
void raise_to_floor(const SearchProblem& problem, std::vector<Candidate>& seeds) {
  const std::vector<double> floor = factor_floor(problem);
  for (Candidate& seed : seeds) {
    if (seed.origin == "unchanged") continue;
    for (size_t i = 0; i < floor.size(); ++i) seed.factors[i] = std::max(seed.factors[i], floor[i]);
  }
}

}  // namespace

int64_t critical_dim(const SearchProblem& problem) {
  return first_dim_with_period(periods(problem.geometry, problem.trained_factors),
                               static_cast<double>(trained_length(problem)));
}

std::vector<Candidate> family_seeds(const SearchProblem& problem) {
  if (problem.readjust) return readjust_seeds(problem);
  const int64_t pairs = problem.geometry.pairs;
  const double scale = remaining_scale(problem);
  const bool tuned = !problem.trained_factors.empty();
  SeedList list(problem);
  if (tuned) {
    list.add_stretch("unchanged", identity_factors(pairs));
    list.add_stretch("proportional", pi_factors(pairs, scale));
    const double tuned_scale = total_scale(problem) / scale;
    list.add_total("grown", grown_factors(problem.trained_factors, tuned_scale, total_scale(problem)));
  }
  const std::vector<Candidate> transferred = transferred_seeds(problem);
  const SeedGrid size = problem.options.seed_grid;
  const bool is_short = size == SeedGrid::kAuto ? tuned || !transferred.empty() : size == SeedGrid::kShort;
  const FamilyGrid& grid = is_short ? kShortGrid : kFullGrid;
  const std::string prefix = tuned ? "tuned * " : "";
  list.add_stretch(prefix + "ntk-critical", critical_stretch(problem));
  add_ramps(problem, grid, prefix, list);
  add_jumps(problem, grid, list);
  const int64_t c = critical_dim(problem);
  if (c > 0 && c < pairs) {
    // LongRoPE2's left part before a flat right one, and slow pairs stopped altogether.
    list.add_stretch(fmt::format("{}ntk-left({})", prefix, c), ntk_left(pi_factors(pairs, scale), c));
    list.add_stretch(fmt::format("{}clip({})", prefix, c), hard_clip_factors(pairs, pairs - c));
  }
  list.add(transferred);
  std::vector<Candidate> seeds = list.take();
  if (tuned) raise_to_floor(problem, seeds);
  return seeds;
}

}  // namespace ropeway
