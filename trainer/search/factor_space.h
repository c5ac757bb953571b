// The region a search moves in: lambda_i = base_i * x_i with x non-decreasing and low_i <= x_i <= high_i.
//
//   space                 base       bounds
//   published, extension  lambda_ft  x in [1, reach]
//   families, extension   ones       lambda in [floor, reach * max lambda_ft]
//   longrope2, extension  lambda_ft  x in [s2, reach] from a critical pair c on, x_i = x_c^(i/c) below it
//   readjust              ones       lambda in [1, cap], the same cap for all dims
//
// with s2 = target / trained length, and lambda_ft = ones for an original model. Published: the second search
// of LongRoPE multiplies what the first one found. Families: a family may stretch some dims by more than s2,
// as long as no dim falls below its floor: its tuned factor and, if it is slow, what keeps its angles known.
//
// A pair that turns at most half a circle in training has shown the model angles from 0 to omega * L0 only,
// and cos falls all that way: a larger angle is a distance never seen. lambda >= s holds position s * L0
// within them (LongRoPE2, section 3: factors below s leave high dims out of distribution). Faster pairs have
// covered most of the circle, and may go on. Fine-tuning at a shorter length than the target's does not mend
// it: the largest angles occur at the target's end only.
//
// LongRoPE2's critical pair (Shang et al. 2025, section 3): pairs that turn less than once in training
// were thought to be the undertrained ones, and some faster ones are as well. It lies between the pair
// that turns ten times and the first that does not turn once, and is searched for with the factors. From
// it on x >= s2, and no pair falls below its floor.
//
// reach = margin * s2 on an original model (the paper's Table 4: 1.25 s); on a tuned one at least 1 + s2,
// which the published code allows and its set for 512K, with 2.645 at s2 = 2, needs.
// cap = the recipe's, else margin * max(largest lambda_ft, s) with s = target / original window. Not
// lambda_ft dim by dim: the sets that microsoft/LongRoPE released for 4K to 32K exceed it in 13 dims or more.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// Where LongRoPE2's critical pair may lie.
struct CriticalPairs {
  int64_t first = 0, last = 0;
};

struct FactorSpace {
  std::vector<double> base, low, high;
  // x is free, and within bounds, from the critical pair on only: below it x_i = x_c^(i/c).
  std::optional<CriticalPairs> critical = {};

  std::vector<double> factors(const std::vector<double>& x) const;
  // The nearest x inside: made monotone by pooling neighbours, then clamped. Nearest in log lambda, each dim
  // by its weight when there are weights. A point that is inside already keeps its bits where base is 1.
  std::vector<double> coordinates(const std::vector<double>& factors,
                                  const std::vector<double>& weights = {}) const;
  bool contains(const std::vector<double>& x) const;  // monotone and within bounds, to rounding
  // The pair from which on x is free: 0 where there is no critical one; else the slowest one that x
  // follows the rule of, or the slowest there may be where it follows none.
  int64_t first_free(const std::vector<double>& x) const;
  // Widens the bounds until `factors` are inside; a space with a critical pair stays as it is.
  void include(const std::vector<double>& factors);
  // The same bounds on lambda itself: base = ones.
  FactorSpace absolute() const;
  bool is_point() const;  // nothing to search

 private:
  std::vector<double> critical_coordinates(std::vector<double> x, const std::vector<double>& weights) const;
};

// Dim by dim: the tuned factor, and for slow pairs what holds their angles within the known ones.
std::vector<double> factor_floor(const SearchProblem& problem);

FactorSpace published_space(const SearchProblem& problem);
FactorSpace family_space(const SearchProblem& problem);
// Not for a readjust.
FactorSpace critical_space(const SearchProblem& problem);

// From the first pair that turns at most ten times in the trained length to the first that does not turn
// once, as far as there are such pairs (LongRoPE2: d_10 to d_tcd).
CriticalPairs critical_pairs(const SearchProblem& problem);

}  // namespace ropeway
