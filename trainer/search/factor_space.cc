#include "trainer/search/factor_space.h"

#include <algorithm>
#include <cmath>

namespace ropeway {
namespace {

constexpr double kRounding = 1e-9;
constexpr double kSlowTurns = 0.5;  // of a circle, within the trained length

// At least 1.
double largest_finite(const std::vector<double>& factors) {
  double largest = 1;
  for (const double factor : factors) {
    if (std::isfinite(factor)) largest = std::max(largest, factor);
  }
  return largest;
}

double readjust_cap(const SearchProblem& problem) {
  if (problem.options.max_factor > 0) return std::max(1.0, problem.options.max_factor);
  const double largest = largest_finite(trained_factors(problem));
  return problem.options.max_scale_margin * std::max(largest, total_scale(problem));
}

FactorSpace readjust_space(const SearchProblem& problem) {
  const size_t pairs = problem.geometry.pairs;
  FactorSpace space{std::vector<double>(pairs, 1.0), std::vector<double>(pairs, 1.0),
                    std::vector<double>(pairs, readjust_cap(problem))};
  // A foreign set may have factors below 1, which a readjusted one may keep.
  const std::vector<double> tuned = trained_factors(problem);
  for (size_t i = 0; i < pairs; ++i) space.low[i] = std::min(1.0, tuned[i]);
  return space;
}

double highest_stretch(const SearchProblem& problem) {
  const double scale = remaining_scale(problem);
  const double reach = problem.options.max_scale_margin * scale;
  return std::max(1.0, problem.trained_factors.empty() ? reach : std::max(reach, 1 + scale));
}

}  // namespace

std::vector<double> FactorSpace::factors(const std::vector<double>& x) const {
  std::vector<double> result(x.size());
  for (size_t i = 0; i < x.size(); ++i) result[i] = base[i] * x[i];
  return result;
}

std::vector<double> FactorSpace::coordinates(const std::vector<double>& factors,
                                             const std::vector<double>& weights) const {
  std::vector<double> x(factors.size());
  // A pair that a base stops has nowhere to go.
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::isinf(base[i]) ? 1 : factors[i] / base[i];
  if (critical) return critical_coordinates(std::move(x), weights);
  const double lowest = *std::min_element(low.begin(), low.end());
  const double highest = *std::max_element(high.begin(), high.end());
  x = make_monotone(x, lowest, highest, weights);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::clamp(x[i], low[i], high[i]);
  // Bounds that are not monotone themselves (foreign factor sets) may undo the order: the left neighbour
  // wins.
  for (size_t i = 1; i < x.size(); ++i) x[i] = std::max(x[i], x[i - 1]);
  return x;
}

// The part that is free by itself, as a space of its own.
std::vector<double> FactorSpace::critical_coordinates(std::vector<double> x,
                                                      const std::vector<double>& weights) const {
  const int64_t free = first_free(x);
  const auto from = [free](const std::vector<double>& values) {
    return values.empty() ? values : std::vector<double>(values.begin() + free, values.end());
  };
  const FactorSpace tail{from(base), from(low), from(high)};
  const std::vector<double> kept = tail.coordinates(tail.factors(from(x)), from(weights));
  std::copy(kept.begin(), kept.end(), x.begin() + free);
  return ntk_left(std::move(x), free);
}

int64_t FactorSpace::first_free(const std::vector<double>& x) const {
  if (!critical) return 0;
  for (int64_t c = critical->last; c >= critical->first; --c) {
    const std::vector<double> rule = ntk_left(x, c);
    const auto follows = [&](int64_t i) { return std::abs(x[i] - rule[i]) <= kRounding * rule[i]; };
    bool all = true;
    for (int64_t i = 0; i < c && all; ++i) all = follows(i);
    if (all) return c;
  }
  return critical->last;
}

bool FactorSpace::contains(const std::vector<double>& x) const {
  for (size_t i = static_cast<size_t>(first_free(x)); i < x.size(); ++i) {
    if (x[i] < low[i] - kRounding || x[i] > high[i] + kRounding) return false;
  }
  return is_monotone(x);
}

void FactorSpace::include(const std::vector<double>& factors) {
  if (critical) return;
  for (size_t i = 0; i < base.size(); ++i) {
    if (std::isinf(base[i])) continue;
    low[i] = std::min(low[i], factors[i] / base[i]);
    high[i] = std::max(high[i], factors[i] / base[i]);
  }
}

FactorSpace FactorSpace::absolute() const {
  return {std::vector<double>(base.size(), 1.0), factors(low), factors(high)};
}

bool FactorSpace::is_point() const {
  for (size_t i = 0; i < base.size(); ++i) {
    if (high[i] - low[i] > kRounding) return false;
  }
  return true;
}

std::vector<double> factor_floor(const SearchProblem& problem) {
  std::vector<double> floor = trained_factors(problem);
  const auto trained = static_cast<double>(trained_length(problem));
  // The original window's angles count: a fine-tune at L_ft shows larger ones in few places, if at all.
  const bool is_tuned = trained_length(problem) > problem.geometry.original_length;
  const std::vector<double> turns = periods(problem.geometry, floor);
  for (size_t i = 0; i < floor.size(); ++i) {
    if (trained / turns[i] > kSlowTurns) continue;
    floor[i] = is_tuned ? std::max(floor[i], total_scale(problem)) : floor[i] * total_scale(problem);
  }
  return floor;
}

FactorSpace published_space(const SearchProblem& problem) {
  if (problem.readjust) return readjust_space(problem);
  const size_t pairs = problem.geometry.pairs;
  return {trained_factors(problem), std::vector<double>(pairs, 1.0),
          std::vector<double>(pairs, highest_stretch(problem))};
}

FactorSpace family_space(const SearchProblem& problem) {
  if (problem.readjust) return readjust_space(problem);
  const std::vector<double> tuned = trained_factors(problem), floor = factor_floor(problem);
  std::vector<double> high(tuned.size(), highest_stretch(problem) * largest_finite(tuned));
  for (size_t i = 0; i < high.size(); ++i) high[i] = std::max(high[i], floor[i]);
  return {std::vector<double>(tuned.size(), 1.0), floor, high};
}

CriticalPairs critical_pairs(const SearchProblem& problem) {
  const std::vector<double> turns = periods(problem.geometry, trained_factors(problem));
  const auto trained = static_cast<double>(trained_length(problem));
  const auto first_slower = [&](double length) {
    return std::find_if(turns.begin(), turns.end(), [length](double period) { return period >= length; }) -
           turns.begin();
  };
  // A pair below the critical one is what makes it one.
  const int64_t last = std::clamp<int64_t>(first_slower(trained), 1, problem.geometry.pairs - 1);
  return {std::clamp<int64_t>(first_slower(trained / 10), 1, last), last};
}

FactorSpace critical_space(const SearchProblem& problem) {
  const size_t pairs = static_cast<size_t>(problem.geometry.pairs);
  const double scale = remaining_scale(problem);
  FactorSpace space{trained_factors(problem), std::vector<double>(pairs, scale),
                    std::vector<double>(pairs, std::max(highest_stretch(problem), scale)),
                    critical_pairs(problem)};
  const std::vector<double> floor = factor_floor(problem);
  for (size_t i = 0; i < pairs; ++i) {
    if (std::isinf(space.base[i])) continue;  // it stands still under any stretch
    space.low[i] = std::max(scale, floor[i] / space.base[i]);
    space.high[i] = std::max(space.high[i], space.low[i]);
  }
  return space;
}

}  // namespace ropeway
