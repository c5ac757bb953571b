// Line search over the attention temperature. Its optimum hardly depends on the factors, so a handful of
// values on one document is enough: 1 + {0.6, 0.8, 1.0, 1.2} (su - 1) with su = sqrt(1 + ln s / ln L0).
#pragma once

#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

class Scorer;

constexpr double kSeedTemperatureShare = 0.9;  // of su - 1, where all seeds are compared

// The temperature seeds are compared at: that of the recipe's policy, or the share above when it is searched
// for. Readjust: the tuned model's where it is searched for, else the formula's of the length (1 within the
// original window; LLaMA2 at 8K: 1.041).
double seed_temperature(const SearchProblem& problem);
// What the line search tries; empty when the temperature is not searched for. Readjust: from 1 to the tuned
// one, and the formula's of the length.
std::vector<double> temperature_choices(const SearchProblem& problem);
// Each candidate at its best temperature on one look (its own included), best candidate first.
std::vector<Candidate> search_temperature(Scorer& scorer, const std::vector<Candidate>& candidates,
                                          const std::vector<double>& temperatures);

}  // namespace ropeway
