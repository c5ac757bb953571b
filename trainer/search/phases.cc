// With seeds: families
//   seed race    all seeds on one document at one temperature; the best four on a second one; two stay
//   temperature  of these two, on one document
//   refinement   from the best: gradient, or evolution, or none
//   finalists    on held-out documents; the best formula is one of them, as what the search has to beat
// With seeds: longrope2 the same with a race of its own seeds, which are what is refined; the formulas are
// scored beside them. With seeds: paper, PI, NTK-aware and YaRN keep the temperature of the policy; they
// are scored on all documents before a gradient refinement, and go unscored into the evolution. The
// published evolution ends with its fittest individual: it has no finalists, unless some candidates are
// always kept, and is weighed against the formulas in its population.
#include "trainer/search/phases.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "trainer/search/evolution.h"
#include "trainer/search/factor_space.h"
#include "trainer/search/formulas.h"
#include "trainer/search/gradient_refine.h"
#include "trainer/search/scorer.h"
#include "trainer/search/seed_critical.h"
#include "trainer/search/seed_families.h"
#include "trainer/search/seed_paper.h"
#include "trainer/search/seed_race.h"
#include "trainer/search/temperature_search.h"

namespace ropeway {
namespace {

bool follows_paper(const SearchProblem& problem) { return problem.options.seeds == SearchSeeds::kPaper; }
bool has_critical_pair(const SearchProblem& problem) {
  return problem.options.seeds == SearchSeeds::kLongRope2;
}
bool refines_by_evolution(const SearchProblem& problem) {
  return problem.options.refine == SearchRefine::kEvolution;
}
bool refines_by_gradient(const SearchProblem& problem) {
  return problem.options.refine == SearchRefine::kGradient;
}
bool is_unrefined(const SearchProblem& problem) {
  return !refines_by_evolution(problem) && !refines_by_gradient(problem);
}

bool shares_temperature(const SearchProblem& problem) { return is_unrefined(problem) && !problem.readjust; }

FactorSpace space_of(const SearchProblem& problem) {
  if (has_critical_pair(problem)) return critical_space(problem);
  return follows_paper(problem) ? published_space(problem) : family_space(problem);
}

void score_paper_seeds(SearchState& state) {
  state.seeds = lowest(state.seeds, state.scorer.means(state.seeds, state.scorer.num_documents()), 2);
  state.rival = state.seeds.front();
}

// What needs no search: the formulas as their authors give them, and all of YaRN's ramps.
std::vector<Candidate> rivals_of(const SearchProblem& problem) {
  std::vector<Candidate> rivals = formulas(problem);
  if (has_critical_pair(problem)) return rivals;
  const std::vector<Candidate> ramps = ramp_seeds(problem);
  rivals.insert(rivals.end(), ramps.begin(), ramps.end());
  return rivals;
}

void race_family_seeds(SearchState& state) {
  const SearchProblem& problem = state.problem;
  std::vector<int64_t> lengths;
  if (!problem.readjust) lengths = dropping_lengths(problem.target_length, trained_length(problem));
  const SeedRaceResult result = race_seeds(state.scorer, state.seeds, lengths);
  state.seeds = result.winners;
  state.runners_up = result.runners_up;
  const std::vector<Candidate> rivals = rivals_of(problem);
  if (!rivals.empty()) state.rival = best_of_raced(state.scorer, rivals, lengths);
}

// Its optimum hardly depends on the factors: where nothing is refined all finalists take the best seed's.
void tune_temperature(SearchState& state) {
  const std::vector<double> choices = temperature_choices(state.problem);
  if (!shares_temperature(state.problem)) {
    state.seeds = search_temperature(state.scorer, state.seeds, choices);
    return;
  }
  const Candidate best = search_temperature(state.scorer, {state.seeds.front()}, choices).front();
  for (Candidate& seed : state.seeds) seed.temperature = best.temperature;
  for (Candidate& seed : state.runners_up) seed.temperature = best.temperature;
}

void descend(SearchState& state) {
  const SearchProblem& problem = state.problem;
  const SearchRecipe& recipe = problem.options;
  const FactorSpace space = space_of(problem);
  if (space.is_point()) return;
  const Candidate& seed = state.seeds.front();
  GradientOptions options{
      .steps = recipe.gradient_steps,
      .check_every = recipe.check_every,
      .factor_learning_rate = recipe.factor_learning_rate,
      .temperature_learning_rate = recipe.temperature_learning_rate,
      .free_temperature = !follows_paper(problem) && recipe.temperature.policy == TemperaturePolicy::kSearch};
  FactorSpace bounds = has_critical_pair(problem) ? space : space.absolute();
  if (problem.readjust) {
    options.low_temperature = std::min(1.0, problem.trained_temperature);
    options.high_temperature = std::max(1.0, problem.trained_temperature);
  } else {
    bounds.include(seed.factors);  // a family may reach beyond the recipe's margin
  }
  const GradientResult found =
      refine_by_gradient(state.scorer, bounds, plain_frequencies(problem.geometry), seed, options);
  state.finalists = {found.best, found.last};
}

// Pairs that the base of the space does not stop itself.
bool stops_pairs(const Candidate& candidate, const FactorSpace& space) {
  for (size_t i = 0; i < space.base.size(); ++i) {
    if (std::isinf(candidate.factors[i]) && !std::isinf(space.base[i])) return true;
  }
  return false;
}

// The best of the published seeds, as the population holds them.
Candidate best_of_population(SearchState& state, const FactorSpace& space) {
  std::vector<Candidate> members = state.seeds;
  for (Candidate& member : members) {
    member.factors = space.factors(space.coordinates(member.factors));
    member.temperature = state.seeds.front().temperature;
  }
  return lowest(members, state.scorer.means(members, state.scorer.num_documents()), 1).front();
}

void breed(SearchState& state) {
  const SearchProblem& problem = state.problem;
  FactorSpace space = space_of(problem);
  // Mutation goes by steps of the factors, of which there are no end to infinity.
  std::vector<Candidate> seeds = state.seeds;
  if (has_critical_pair(problem)) {
    const int64_t count = problem.options.population - std::ssize(seeds);
    const std::vector<Candidate> more = critical_population(problem, std::max<int64_t>(0, count));
    seeds.insert(seeds.end(), more.begin(), more.end());
  }
  std::erase_if(seeds, [&](const Candidate& seed) { return stops_pairs(seed, space); });
  if (space.is_point() || seeds.empty()) return;
  if (!follows_paper(problem) && !problem.readjust) {
    for (const Candidate& seed : seeds) space.include(seed.factors);
  }
  const std::vector<Individual> population =
      evolve(state.scorer, space, seeds, problem.options, problem.seed);
  if (follows_paper(problem) && !problem.readjust) state.rival = best_of_population(state, space);
  const size_t count = std::min<size_t>(follows_paper(problem) ? 3 : 1, population.size());
  for (size_t i = 0; i < count; ++i) state.finalists.push_back(population[i].candidate);
}

// Of a readjust.
std::optional<Candidate> best_of_kept(const SearchState& state) {
  std::set<std::string> kept;
  for (const Candidate& candidate : state.problem.keep) kept.insert(candidate_key(candidate));
  for (const Finalist& one : state.ranking.finalists) {
    if (one.may_win && kept.contains(candidate_key(one.candidate))) return one.candidate;
  }
  return std::nullopt;
}

void choose_among_finalists(SearchState& state) {
  const SearchProblem& problem = state.problem;
  std::vector<Candidate>& finalists = state.finalists;
  const FinalistRule rule = finalist_rule(problem.options.fitness, problem.readjust);
  // The best seed is always a finalist, and without refinement all that came close: the race went by the mean
  // alone. The published evolution's seeds are members of its population already.
  const bool holds_seeds = follows_paper(problem) && refines_by_evolution(problem) && !finalists.empty();
  const bool unrefined = is_unrefined(problem);
  const size_t num_seeds = holds_seeds ? 0 : unrefined ? state.seeds.size() : 1;
  finalists.insert(finalists.end(), state.seeds.begin(), state.seeds.begin() + num_seeds);
  if (unrefined && !problem.readjust) {
    finalists.insert(finalists.end(), state.runners_up.begin(), state.runners_up.end());
  }
  if (problem.readjust) {
    state.ranking = rank_readjusted(state.scorer, finalists, problem.keep, rule);
    state.rival = best_of_kept(state);
  } else {
    finalists.insert(finalists.end(), problem.keep.begin(), problem.keep.end());
    if (state.rival) finalists.push_back(*state.rival);
    state.ranking = rank_finalists(state.scorer, finalists, rule);
  }
  finalists.clear();
  for (const Finalist& one : state.ranking.finalists) finalists.push_back(one.candidate);
}

SearchWork gradient_work(const SearchRecipe& recipe, double documents, double look) {
  const auto steps = static_cast<double>(recipe.gradient_steps);
  const double checks = std::ceil(steps / static_cast<double>(recipe.check_every));
  // A check races on about three looks.
  return {.forwards = checks * std::min(3 * look, documents), .gradients = steps * look};
}

}  // namespace

std::vector<Candidate> starting_seeds(const SearchProblem& problem) {
  if (follows_paper(problem)) return paper_seeds(problem);
  if (has_critical_pair(problem)) return critical_seeds(problem);
  std::vector<Candidate> seeds = formulas(problem);
  const std::vector<Candidate> families = family_seeds(problem);
  seeds.insert(seeds.end(), families.begin(), families.end());
  seeds.insert(seeds.end(), problem.keep.begin(), problem.keep.end());
  return seeds;
}

std::vector<SearchPhase> search_phases(const SearchProblem& problem, int64_t documents,
                                       int64_t finalist_documents) {
  const SearchRecipe& recipe = problem.options;
  const auto all = static_cast<double>(documents);
  const auto look = static_cast<double>(documents_per_look(documents, problem.target_length));
  const size_t beside = has_critical_pair(problem) ? formulas(problem).size() : 0;
  const auto num_seeds = static_cast<double>(starting_seeds(problem).size() + beside);
  const bool published = follows_paper(problem) && refines_by_evolution(problem);
  std::vector<SearchPhase> phases;

  if (!follows_paper(problem)) {
    const double second_look = static_cast<double>(SeedRaceOptions{}.on_second_document);
    phases.push_back({"seeds", {.forwards = look * (num_seeds + second_look)}, race_family_seeds});
    const auto temperatures = static_cast<double>(temperature_choices(problem).size());
    if (temperatures > 0)
      phases.push_back({"temperature",
                        {.forwards = (shares_temperature(problem) ? 1 : 2) * look * temperatures},
                        tune_temperature});
  } else if (!published) {
    phases.push_back({"seeds", {.forwards = all * num_seeds}, score_paper_seeds});
  }

  if (refines_by_gradient(problem)) {
    phases.push_back({"gradient", gradient_work(recipe, all, look), descend});
  } else if (refines_by_evolution(problem)) {
    const auto evaluations = static_cast<double>(evolution_evaluations(recipe));
    phases.push_back({"evolution", {.forwards = all * evaluations}, breed});
  }

  if (!published || !problem.keep.empty()) {
    const size_t seeds_of_race = SeedRaceOptions{}.on_second_document;
    const size_t formula = problem.readjust || published ? 0 : 1;
    const size_t found =
        is_unrefined(problem) && !follows_paper(problem) && !problem.readjust ? seeds_of_race : 3;
    const auto candidates = static_cast<double>(found + formula + problem.keep.size());
    const double forwards = kFinalistCost * candidates * static_cast<double>(finalist_documents);
    phases.push_back({"finalists", {.forwards = forwards}, choose_among_finalists});
  }
  return phases;
}

}  // namespace ropeway
