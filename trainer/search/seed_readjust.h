// Seeds of a readjust: a length within the trained one.
#pragma once

#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// Between the original RoPE and the tuned factors: powers of the tuned factors, and the ramps and NTK at
// scales between 1 and the tuned one.
std::vector<Candidate> readjust_seeds(const SearchProblem& problem);

}  // namespace ropeway
