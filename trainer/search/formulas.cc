#include "trainer/search/formulas.h"

#include "trainer/search/temperature_search.h"

namespace ropeway {

std::vector<Candidate> formulas(const SearchProblem& problem) {
  std::vector<Candidate> candidates;
  if (problem.readjust) return candidates;
  RopeGeometry trained = problem.geometry;
  trained.original_length = trained_length(problem);
  const bool is_free = problem.options.temperature.policy == TemperaturePolicy::kSearch;
  const char* prefix = problem.trained_factors.empty() ? "" : "tuned * ";
  for (const char* name :
       {"pi", "ntk", "dynamic_ntk", "yarn", "llama3_ramp", "mrrope_uni", "mrrope_pro", "cope", "hard_clip"}) {
    const FactorSet set = computed_factor_set(name, trained, problem.target_length, problem.trained_factors);
    // Of su: sqrt(ln L' / ln L_ft) times sqrt(ln L_ft / ln L0) is the temperature of the whole scale.
    const double temperature =
        is_free ? set.attention_temperature * problem.trained_temperature : seed_temperature(problem);
    candidates.push_back({.factors = set.factors,
                          .temperature = temperature,
                          .start_tokens = 0,
                          .origin = std::string(prefix) + name});
  }
  return candidates;
}

}  // namespace ropeway
