#include "trainer/search/problem.h"

namespace ropeway {
namespace {

double ratio(int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

}  // namespace

std::vector<double> trained_factors(const SearchProblem& problem) {
  return problem.trained_factors.empty() ? identity_factors(problem.geometry.pairs) : problem.trained_factors;
}

int64_t trained_length(const SearchProblem& problem) {
  return problem.trained_length > 0 ? problem.trained_length : problem.geometry.original_length;
}

double trained_scale(const SearchProblem& problem) {
  return ratio(trained_length(problem), problem.geometry.original_length);
}

double total_scale(const SearchProblem& problem) {
  return ratio(problem.target_length, problem.geometry.original_length);
}

double remaining_scale(const SearchProblem& problem) {
  return ratio(problem.target_length, trained_length(problem));
}

}  // namespace ropeway
