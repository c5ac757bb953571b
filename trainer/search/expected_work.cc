#include "trainer/search/expected_work.h"

#include <algorithm>
#include <cmath>

#include "trainer/rope/factor_set.h"
#include "trainer/rope/schedules.h"
#include "trainer/search/evolution.h"
#include "trainer/search/scorer.h"
#include "trainer/search/seeds.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {
namespace {

// As a search on a tuned model finds it; YaRN's factors stand in for the tuned ones, whose values do not
// matter for the number of seeds.
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
  constexpr int64_t kTokensPerLook = 2048;
  const auto documents = static_cast<double>(options.documents);
  const double look = std::min(
      documents, std::ceil(static_cast<double>(kTokensPerLook) / static_cast<double>(options.length)));
  SearchWork work;
  if (options.seeds == "paper") {
    if (options.refine != "evolution") work.forwards += 3 * documents;
  } else {
    const auto seeds = static_cast<double>(family_seeds(problem).size() + problem.keep.size());
    work.forwards += look * (seeds + 4 + 2.0 * static_cast<double>(temperature_choices(problem).size()));
  }
  if (options.refine == "evolution") {
    work.forwards += documents * static_cast<double>(evolution_evaluations(options));
  } else if (options.refine == "gradient") {
    const auto steps = static_cast<double>(options.gradient_steps);
    work.gradients = steps * look;
    work.forwards +=
        std::ceil(steps / static_cast<double>(options.check_every)) * std::min(3 * look, documents);
  }
  const bool ends_with_finalists = options.seeds != "paper" || options.refine != "evolution" || readjust;
  if (ends_with_finalists) {
    work.forwards += kFinalistCost * static_cast<double>(3 + problem.keep.size()) *
                     static_cast<double>(options.finalist_documents);
  }
  return work;
}

}  // namespace ropeway
