#include "trainer/search/expected_work.h"

#include "trainer/rope/factor_set.h"
#include "trainer/search/phases.h"

namespace ropeway {
namespace {

// The problem of such a search on a tuned model. YaRN's factors stand in for the tuned ones, whose values do
// not matter for the number of evaluations.
SearchProblem stand_in(const SearchRecipe& options, const RopeGeometry& geometry, int64_t trained_length,
                       bool readjust) {
  SearchProblem problem;
  problem.geometry = geometry;
  problem.target_length = options.length;
  problem.trained_length = trained_length;
  problem.options = options;
  problem.readjust = readjust;
  if (trained_length > geometry.original_length) {
    const FactorSet tuned = computed_factor_set("yarn", geometry, trained_length);
    problem.trained_factors = tuned.factors;
    problem.trained_temperature = tuned.attention_temperature;
  }
  if (readjust) problem.keep.resize(2);
  return problem;
}

}  // namespace

SearchWork expected_search_work(const SearchRecipe& options, const RopeGeometry& geometry,
                                int64_t trained_length, bool readjust) {
  const SearchProblem problem = stand_in(options, geometry, trained_length, readjust);
  SearchWork work;
  for (const SearchPhase& phase : search_phases(problem, options.documents, options.finalist_documents)) {
    work += phase.expected;
  }
  return work;
}

}  // namespace ropeway
