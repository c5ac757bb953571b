// Seeds of LongRoPE2's search (Shang et al. 2025, Alg. 1 and 2): NTK up to a critical pair, the same
// stretch from there on. Every pair that may be the critical one is among them.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// For each critical pair a tail at the remaining scale and one at 1.36 times that (the released set of
// LLaMA3-8B), which are raced.
std::vector<Candidate> critical_seeds(const SearchProblem& problem);

// What an evolution starts from beside the winners of that race: the published first generation, `count`
// candidates, critical pairs in turn, each with a tail at a drawn whole number between the scale and its
// margin.
std::vector<Candidate> critical_population(const SearchProblem& problem, int64_t count);

}  // namespace ropeway
