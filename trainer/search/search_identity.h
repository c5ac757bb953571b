// What makes two searches the same search, so that one may go on from the other's log.
#pragma once

#include <string>

#include "trainer/search/objective.h"
#include "trainer/search/problem.h"

namespace ropeway {

// 16 hex digits over the problem, every option that bears on its result, and the documents; not over ranks or
// paths.
std::string search_identity(const SearchProblem& problem, const Objective& objective);
// Throws kConfig naming what cannot be searched.
void check_problem(const SearchProblem& problem, const Objective& objective);

}  // namespace ropeway
