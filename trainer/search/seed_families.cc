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
  std::vector<double> early_start;  // of jumps with a plateau of 0.6, where LongRoPE2 found critical pairs
  std::vector<double> left_start, tail;  // NTK-left: T_c / L_t, tail / s
};
const FamilyGrid kFullGrid{{2, 4, 8, 16, 32, 64}, {1, 1.5, 3},  {1, 1.3, 1.75, 2.4}, {4, 13},
                           {0.45, 0.6, 0.7},      {0.36, 0.67}, {0.36, 0.67, 1},     {1, 1.36}};
// Where a pass is expensive, or a shorter target or the tuned factors tell most of it already.
const FamilyGrid kShortGrid{{4, 8, 32}, {1}, {1, 1.3, 1.75}, {4, 13}, {0.6}, {}, {1}, {1}};

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

std::string prefix_of(const SearchProblem& problem) {
  return problem.trained_factors.empty() ? "" : "tuned * ";
}

// Short where tuned factors or a shorter target tell most of it.
const FamilyGrid& grid_of(const SearchProblem& problem) {
  const SeedGrid size = problem.options.seed_grid;
  const bool is_short = size == SeedGrid::kAuto
                            ? !problem.trained_factors.empty() || !transferred_seeds(problem).empty()
                            : size == SeedGrid::kShort;
  return is_short ? kShortGrid : kFullGrid;
}

void add_ramps(const SearchProblem& problem, const FamilyGrid& grid, SeedList& list) {
  const std::string prefix = prefix_of(problem);
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
void add_jumps(const SearchProblem& problem, double start, const std::vector<double>& widths,
               const std::vector<double>& plateaus, SeedList& list) {
  const int64_t pairs = problem.geometry.pairs;
  const double scale = total_scale(problem);
  const std::vector<double> turns = periods(problem.geometry, problem.trained_factors);
  const bool tuned = !problem.trained_factors.empty();
  const int64_t c = first_dim_with_period(turns, start * static_cast<double>(trained_length(problem)));
  if (c >= pairs) return;  // every period fits: there is nothing to jump over
  for (const double width : widths) {
    const int64_t a = std::min(c, first_dim_with_period(turns, turns[c] / width));
    for (const double plateau : plateaus) {
      std::vector<double> factors = jump_factors(pairs, scale, a, c, std::pow(scale, plateau));
      for (int64_t i = 0; i < pairs; ++i) factors[i] = std::max(factors[i], list.tuned()[i]);
      list.add_total(
          fmt::format("{}jump({},{},{}){}", tuned ? "max(tuned, " : "", a, c, plateau, tuned ? ")" : ""),
          factors);
    }
  }
}

// LongRoPE2's left part before a flat right one.
void add_lefts(const SearchProblem& problem, const FamilyGrid& grid, SeedList& list) {
  const int64_t pairs = problem.geometry.pairs;
  const std::vector<double> turns = periods(problem.geometry, problem.trained_factors);
  for (const double start : grid.left_start) {
    const int64_t c = first_dim_with_period(turns, start * static_cast<double>(trained_length(problem)));
    if (c == 0 || c >= pairs) continue;
    for (const double tail : grid.tail) {
      const std::string place = tail == 1 ? fmt::format("{}", c) : fmt::format("{},{}", c, tail);
      list.add_stretch(fmt::format("{}ntk-left({})", prefix_of(problem), place),
                       ntk_left(pi_factors(pairs, tail * remaining_scale(problem)), c));
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

std::vector<Candidate> ramp_seeds(const SearchProblem& problem) {
  SeedList list(problem);
  if (!problem.readjust) add_ramps(problem, grid_of(problem), list);
  std::vector<Candidate> seeds = list.take();
  if (!problem.trained_factors.empty()) raise_to_floor(problem, seeds);
  return seeds;
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
  const FamilyGrid& grid = grid_of(problem);
  const std::string prefix = prefix_of(problem);
  list.add_stretch(prefix + "ntk-critical", critical_stretch(problem));
  add_ramps(problem, grid, list);
  for (const double start : grid.early_start) add_jumps(problem, start, grid.width, {0.6}, list);
  for (const double start : grid.start) add_jumps(problem, start, grid.width, grid.plateau, list);
  add_lefts(problem, grid, list);
  const int64_t c = critical_dim(problem);
  if (c > 0 && c < pairs) {  // slow pairs stopped altogether
    list.add_stretch(fmt::format("{}clip({})", prefix, c), hard_clip_factors(pairs, pairs - c));
  }
  list.add(transferred_seeds(problem));
  std::vector<Candidate> seeds = list.take();
  if (tuned) raise_to_floor(problem, seeds);
  return seeds;
}

}  // namespace ropeway
