// The order of a search. With seeds: families, in the letters of its steps:
//   A  all seeds on one document at one temperature; the best four on a second one; two stay
//   B  the temperature of these two, on one document
//   C  refinement from the best: gradient, or evolution, or none
//   E  finalists on held-out documents
// With seeds: paper there is no A and B: PI, NTK-aware and YaRN at the temperature policy go straight to C.
// The published evolution ends with its fittest individual, without E.
//
// Every decision is a function of logged figures and the seed, so a replayed log leads to the same result.
#include "trainer/search/search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/search/evolution.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/finalists.h"
#include "trainer/search/gradient_refine.h"
#include "trainer/search/race.h"
#include "trainer/search/scorer.h"
#include "trainer/search/search_identity.h"
#include "trainer/search/seed_race.h"
#include "trainer/search/seeds.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {
namespace {

class Search {
 public:
  Search(const SearchProblem& problem, Scorer& scorer)
      : problem_(problem), recipe_(problem.options), scorer_(scorer), paper_(recipe_.seeds == "paper") {}

  SearchOutcome run() {
    std::vector<Candidate> best_seeds = paper_ ? start_from_paper() : start_from_families();
    std::vector<Candidate> finalists;
    const FactorSpace space = paper_ ? published_space(problem_) : family_space(problem_);
    if (recipe_.refine == "gradient" && !space.is_point()) {
      finalists = descend(space, best_seeds.front());
    } else if (recipe_.refine == "evolution" && !space.is_point()) {
      finalists = breed(space, best_seeds);
    }
    const bool published = paper_ && recipe_.refine == "evolution" && !finalists.empty();
    if (published && problem_.keep.empty()) return finish(finalists);
    // The best seed is always a finalist; of a bare seed search the second one as well.
    const size_t num_seeds = published ? 0 : recipe_.refine == "none" ? best_seeds.size() : 1;
    for (size_t i = 0; i < num_seeds; ++i) finalists.push_back(best_seeds[i]);
    return finish(choose(finalists));
  }

 private:
  int64_t documents() const { return scorer_.num_documents(); }
  double look() const { return static_cast<double>(scorer_.documents_per_look()); }
  double finalist_cost() const {
    const auto candidates = static_cast<double>(3 + problem_.keep.size());
    return candidates * static_cast<double>(scorer_.num_finalist_documents()) * kFinalistCost;
  }
  double refine_cost() const {
    const auto per_candidate = static_cast<double>(documents());
    if (recipe_.refine == "evolution")
      return per_candidate * static_cast<double>(evolution_evaluations(recipe_));
    if (recipe_.refine == "none") return 0;
    const auto steps = static_cast<double>(recipe_.gradient_steps);
    // A check races on about three looks.
    return steps * kGradientCost * look() + std::ceil(steps / static_cast<double>(recipe_.check_every)) *
                                                std::min(3.0 * look(), per_candidate);
  }

  std::vector<Candidate> start_from_paper() {
    std::vector<Candidate> seeds = paper_seeds(problem_);
    if (recipe_.refine == "evolution") return seeds;  // P0 scores them
    const double cost = static_cast<double>(seeds.size()) * static_cast<double>(documents());
    scorer_.begin_phase("seeds", cost + refine_cost() + finalist_cost());
    return best_first(seeds, documents());
  }

  std::vector<Candidate> start_from_families() {
    std::vector<Candidate> seeds = family_seeds(problem_);
    seeds.insert(seeds.end(), problem_.keep.begin(), problem_.keep.end());
    const std::vector<double> temperatures = temperature_choices(problem_);
    const double temperature_cost = 2.0 * look() * static_cast<double>(temperatures.size());
    const double later = temperature_cost + refine_cost() + finalist_cost();
    scorer_.begin_phase("seeds", look() * (static_cast<double>(seeds.size()) + 4) + later);
    const std::vector<Candidate> best = race_seeds(scorer_, seeds, can_drop_at_half_length());
    if (temperatures.empty()) return best;
    scorer_.begin_phase("temperature", later);
    return search_temperature(scorer_, best, temperatures);
  }

  // Half the target must itself be well beyond what the model was trained at: within it the unchanged factors
  // are best, and everything that makes the target possible would be dropped.
  bool can_drop_at_half_length() const {
    return !problem_.readjust && problem_.target_length >= 4 * trained_length(problem_);
  }

  std::vector<Candidate> best_first(const std::vector<Candidate>& seeds, int64_t count) {
    const std::vector<double> means = scorer_.means(seeds, count);
    std::vector<size_t> order(seeds.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return means[a] < means[b]; });
    std::vector<Candidate> result;
    for (size_t i = 0; i < std::min<size_t>(2, order.size()); ++i) result.push_back(seeds[order[i]]);
    return result;
  }

  std::vector<Candidate> descend(const FactorSpace& space, const Candidate& seed) {
    scorer_.begin_phase("gradient", refine_cost() + finalist_cost());
    GradientOptions options{.steps = recipe_.gradient_steps,
                            .check_every = recipe_.check_every,
                            .factor_learning_rate = recipe_.factor_learning_rate,
                            .temperature_learning_rate = recipe_.temperature_learning_rate,
                            .free_temperature = !paper_ && recipe_.temperature == "search"};
    FactorSpace bounds = space.absolute();
    if (problem_.readjust) {
      options.low_temperature = std::min(1.0, problem_.trained_temperature);
      options.high_temperature = std::max(1.0, problem_.trained_temperature);
    } else {
      bounds.include(seed.factors);  // a family may reach beyond the recipe's margin
    }
    const GradientResult found =
        refine_by_gradient(scorer_, bounds, plain_frequencies(problem_.geometry), seed, options);
    return {found.best, found.last};
  }

  std::vector<Candidate> breed(FactorSpace space, const std::vector<Candidate>& seeds) {
    scorer_.begin_phase("evolution", refine_cost() + finalist_cost());
    if (!paper_ && !problem_.readjust) {
      for (const Candidate& seed : seeds) space.include(seed.factors);
    }
    const std::vector<Individual> population = evolve(scorer_, space, seeds, recipe_, problem_.seed);
    std::vector<Candidate> best;
    for (size_t i = 0; i < std::min<size_t>(paper_ ? 3 : 1, population.size()); ++i) {
      best.push_back(population[i].candidate);
    }
    return best;
  }

  std::vector<Candidate> choose(std::vector<Candidate> finalists) {
    scorer_.begin_phase("finalists", finalist_cost());
    if (problem_.readjust) return rank_readjusted(scorer_, finalists, problem_.keep);
    finalists.insert(finalists.end(), problem_.keep.begin(), problem_.keep.end());
    return rank_finalists(scorer_, finalists);
  }

  SearchOutcome finish(const std::vector<Candidate>& ranked) {
    SearchOutcome outcome;
    outcome.best = ranked.front();
    outcome.finalists = ranked;
    outcome.fitness = scorer_.mean(outcome.best, documents());
    outcome.forward_equivalents = scorer_.spent();
    return outcome;
  }

  const SearchProblem& problem_;
  const SearchRecipe& recipe_;
  Scorer& scorer_;
  bool paper_;
};

}  // namespace

SearchOutcome run_search(const SearchProblem& problem, Objective& objective, Communicator& world,
                         const std::filesystem::path& log_path,
                         const std::function<void(const SearchProgress&)>& progress,
                         const std::function<bool()>& should_stop) {
  check_problem(problem, objective);
  SearchLog log(world, log_path, search_identity(problem, objective));
  Scorer scorer(objective, world, log, problem.target_length, {progress, should_stop});
  SearchOutcome outcome = Search(problem, scorer).run();
  outcome.log_sha256 = log.sha256();
  return outcome;
}

FactorSet to_factor_set(const SearchProblem& problem, const SearchOutcome& outcome, const std::string& name) {
  FactorSet set;
  set.name = name;
  set.max_length = problem.target_length;
  set.original_length = problem.geometry.original_length;
  set.rope_theta = problem.geometry.theta;
  set.factors = outcome.best.factors;
  set.attention_temperature = outcome.best.temperature;
  set.start_tokens = outcome.best.start_tokens;
  set.history.method = "search:" + problem.options.seeds + "+" + problem.options.refine;
  set.history.search_sha256 = outcome.log_sha256;
  set.history.fitness = outcome.fitness;
  set.history.forward_equivalents = outcome.forward_equivalents;
  return set;
}

}  // namespace ropeway
