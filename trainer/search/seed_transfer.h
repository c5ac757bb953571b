// Seeds from a search for a shorter target on the same weights.
#pragma once

#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// The longest known set beyond the trained length and up to the target, carried over to the target: once with
// the same ramp weights, once with the same exponents. A set for the target itself is taken as it is. Empty
// when no set is known.
std::vector<Candidate> transferred_seeds(const SearchProblem& problem);

}  // namespace ropeway
