// The published start of a search.
#pragma once

#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// PI, NTK-aware and YaRN in its true form, on the remaining scale s2; factors are the product with the tuned
// ones. For a readjust, the same three at the middle of the reduced range. (LongRoPE, section 3.3.)
std::vector<Candidate> paper_seeds(const SearchProblem& problem);

}  // namespace ropeway
