// The formulas that a search has to beat: they need no search.
#pragma once

#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// As a user would apply them, each with its own temperature where the search is free to choose one: to an
// original model for the target's scale; to a tuned one as what is left to stretch, on top of its factors and
// temperature. None for a readjust.
std::vector<Candidate> formulas(const SearchProblem& problem);

}  // namespace ropeway
