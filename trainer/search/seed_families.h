// Where a search starts unless it follows the paper: closed-form candidates. The seed decides more than the
// optimiser that follows, and which family wins depends on model and scale, so all families compete every
// time.
//
// Periods are T_i = 2 pi lambda_ft,i theta^(2i/d): on a tuned model ramps and jumps are placed by what it was
// trained with, not by the plain wavelengths.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/search/problem.h"

namespace ropeway {

// Ramps, jumps, NTK and transfers from a shorter target. Without the recipe's word the list is short on a
// tuned model and where there is a set to transfer. A readjust has seeds of its own (seed_readjust.h).
std::vector<Candidate> family_seeds(const SearchProblem& problem);

// YaRN's ramps among them.
std::vector<Candidate> ramp_seeds(const SearchProblem& problem);

// The first dim whose period the trained length does not cover; the number of pairs when there is none.
int64_t critical_dim(const SearchProblem& problem);

}  // namespace ropeway
