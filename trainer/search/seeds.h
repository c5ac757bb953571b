// Where a search starts: closed-form candidates. The seed decides more than the optimiser that follows, and
// which family wins depends on model and scale, so all families compete every time.
//
// Periods are T_i = 2 pi lambda_ft,i theta^(2i/d): on a tuned model ramps and jumps are placed by what it was
// trained with, not by the plain wavelengths.
#pragma once

#include <vector>

#include "trainer/search/search.h"

namespace ropeway {

// PI, NTK-aware and YaRN in its true form, on the remaining scale s2; factors are the product with the tuned
// ones. For readjust the same three at the middle of the reduced range.
std::vector<Candidate> paper_seeds(const SearchProblem& problem);
// Ramps, jumps, NTK, transfers from a shorter target; by default a short list on a tuned model or where there
// is one to transfer from. For readjust: powers of the tuned factors, and the ramps and NTK at scales between
// 1 and the tuned one.
std::vector<Candidate> family_seeds(const SearchProblem& problem);
std::vector<Candidate> readjust_seeds(const SearchProblem& problem);
// The same ramp weights, and the same exponents, of the longest known set below the target (or at it: as it
// is).
std::vector<Candidate> transferred_seeds(const SearchProblem& problem);

// First dim with T_i >= length; the number of pairs when there is none.
int64_t first_dim_with_period(const std::vector<double>& periods, double length);
// The first dim whose period the trained length does not cover.
int64_t critical_dim(const SearchProblem& problem);

}  // namespace ropeway
