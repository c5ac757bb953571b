#include "trainer/search/temperature_search.h"

#include <algorithm>
#include <cmath>

#include "trainer/rope/schedules.h"
#include "trainer/search/scorer.h"

namespace ropeway {
namespace {

double su_excess(const SearchProblem& problem, double scale) {
  return attention_temperature(TemperatureFormula::kSu, scale, problem.geometry.original_length) - 1;
}

}  // namespace

double seed_temperature(const SearchProblem& problem) {
  const TemperatureChoice& temperature = problem.options.temperature;
  if (temperature.policy == TemperaturePolicy::kNumber) return temperature.number;
  const bool by_formula =
      temperature.policy != TemperaturePolicy::kSearch || problem.options.seeds == SearchSeeds::kPaper;
  // The tuned model saw its own temperature in windows of every length: a search begins there, and a formula
  // goes by the length at hand.
  if (problem.readjust && !by_formula) return problem.trained_temperature;
  const auto by = [&](TemperatureFormula formula) {
    return attention_temperature(formula, total_scale(problem), problem.geometry.original_length);
  };
  if (temperature.policy == TemperaturePolicy::kSu) return by(TemperatureFormula::kSu);
  if (temperature.policy == TemperaturePolicy::kYarn) return by(TemperatureFormula::kYarn);
  const double excess = su_excess(problem, total_scale(problem));
  // The published search does not look for a temperature: kSearch means its formula there.
  return 1 + (problem.options.seeds == SearchSeeds::kPaper ? 1.0 : kSeedTemperatureShare) * excess;
}

std::vector<double> temperature_choices(const SearchProblem& problem) {
  const SearchRecipe& options = problem.options;
  if (options.temperature.policy != TemperaturePolicy::kSearch || options.seeds == SearchSeeds::kPaper)
    return {};
  std::vector<double> choices;
  if (problem.readjust) {
    const double excess = problem.trained_temperature - 1;
    if (std::abs(excess) < 1e-9) return {};
    for (const double share : {0.0, 0.25, 0.5, 0.75}) choices.push_back(1 + share * excess);
    const double of_length = 1 + su_excess(problem, total_scale(problem));
    const bool is_new = std::none_of(choices.begin(), choices.end(), [&](double choice) {
      return std::abs(choice - of_length) < 0.05 * std::abs(excess);
    });
    if (is_new) choices.push_back(of_length);
    return choices;
  }
  const double excess = su_excess(problem, total_scale(problem));
  for (const double share : {0.6, 0.8, 1.0, 1.2}) choices.push_back(1 + share * excess);
  // A tuned model tells which share of the formula's excess suits it.
  const double tuned_excess = su_excess(problem, trained_scale(problem));
  if (tuned_excess > 0) {
    const double share = (problem.trained_temperature - 1) / tuned_excess;
    const bool is_new =
        share > 0 && share < 2 && std::none_of(choices.begin(), choices.end(), [&](double choice) {
          return std::abs(choice - (1 + share * excess)) < 0.05 * excess;
        });
    if (is_new) choices.push_back(1 + share * excess);
  }
  return choices;
}

std::vector<Candidate> search_temperature(Scorer& scorer, const std::vector<Candidate>& candidates,
                                          const std::vector<double>& temperatures) {
  std::vector<Candidate> variants;
  for (const Candidate& candidate : candidates) {
    variants.push_back(candidate);
    for (const double temperature : temperatures) {
      variants.push_back(candidate);
      variants.back().temperature = temperature;
    }
  }
  const std::vector<double> scores = scorer.means(variants, scorer.documents_per_look());
  struct Best {
    size_t index;
    double score;
  };
  std::vector<Best> best;
  const size_t each = temperatures.size() + 1;
  for (size_t i = 0; i < variants.size(); ++i) {
    if (i % each == 0) {
      best.push_back({i, scores[i]});
    } else if (scores[i] < best.back().score) {
      best.back() = {i, scores[i]};
    }
  }
  std::stable_sort(best.begin(), best.end(), [](const Best& a, const Best& b) { return a.score < b.score; });
  std::vector<Candidate> result;
  for (const Best& one : best) result.push_back(variants[one.index]);
  return result;
}

}  // namespace ropeway
