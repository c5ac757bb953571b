// The region a search moves in: lambda_i = base_i * x_i with x non-decreasing and low_i <= x_i <= high_i.
//
//   published, extension   base = lambda_ft (ones for an original model), x in [1, margin * s2], s2 = target
//   / trained
//                          length: the second search of LongRoPE multiplies what the first one found.
//   families, extension    base = ones, lambda in [lambda_ft, margin * s2 * max lambda_ft]: a family may
//   stretch some
//                          dims by more than s2, as long as no dim falls below its tuned factor.
//   readjust               base = ones, lambda in [1, lambda_ft].
#pragma once

#include <vector>

#include "trainer/search/search.h"

namespace ropeway {

struct FactorSpace {
  std::vector<double> base, low, high;

  std::vector<double> factors(const std::vector<double>& x) const;
  // The nearest x inside: monotone by pooling, then clamped. A point that is inside keeps its bits where base
  // is 1. Nearest in log lambda, each dim by its weight when there are weights.
  std::vector<double> coordinates(const std::vector<double>& factors,
                                  const std::vector<double>& weights = {}) const;
  bool contains(const std::vector<double>& x) const;  // monotone and within bounds, to rounding
  // Grows the bounds until `factors` are inside.
  void include(const std::vector<double>& factors);
  // The same bounds on lambda itself: base = ones.
  FactorSpace absolute() const;
  bool is_point() const;  // nothing to search
};

FactorSpace published_space(const SearchProblem& problem);
FactorSpace family_space(const SearchProblem& problem);

// lambda_ft, or ones for an original model.
std::vector<double> trained_factors(const SearchProblem& problem);
int64_t trained_length(const SearchProblem& problem);  // L_ft, or L0
double total_scale(const SearchProblem& problem);      // target / L0
double remaining_scale(const SearchProblem& problem);  // target / trained length

}  // namespace ropeway
