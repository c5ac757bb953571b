// Every decision is a function of logged figures and the seed, so a replayed log leads to the same result.
#include "trainer/search/search.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/base/error.h"
#include "parallel/comm/mesh.h"
#include "trainer/search/phases.h"
#include "trainer/search/scorer.h"
#include "trainer/search/search_identity.h"
#include "trainer/search/search_log.h"

namespace ropeway {

namespace {

// An infinite loss may lose a race; winning one makes no factors.
void require_finite(bool finite, const std::string& candidates) {
  if (finite) return;
  fail(ErrorKind::kNumerics, "the search ends without factors: the loss of {} is not finite", candidates);
}

SearchVerdict weigh(SearchState& state, const Candidate& best) {
  if (!state.rival) return {.found = best.origin};
  const FinalistRule rule = finalist_rule(state.problem.options.fitness, state.problem.readjust);
  if (state.ranking.held_out_documents == 0) return weigh_on_ranking(state.scorer, best, *state.rival, rule);
  return weigh_on_held_out(state.scorer, best, *state.rival, rule);
}

}  // namespace

SearchOutcome run_search(const SearchProblem& problem, Objective& objective, const Mesh& mesh,
                         const std::filesystem::path& log_path, const SearchHooks& hooks) {
  check_problem(problem, objective);
  SearchLog log(mesh.world(), log_path, search_identity(problem, objective));
  Scorer scorer(objective, mesh, log, problem.target_length, hooks);
  const std::vector<SearchPhase> phases =
      search_phases(problem, objective.num_documents(), objective.num_finalist_documents());
  SearchState state{.problem = problem, .scorer = scorer, .seeds = starting_seeds(problem)};
  for (size_t i = 0; i < phases.size(); ++i) {
    SearchWork left;
    for (size_t later = i; later < phases.size(); ++later) left += phases[later].expected;
    scorer.begin_phase(phases[i].name, left.forward_equivalents());
    phases[i].run(state);
    require_finite(scorer.any_finite(), fmt::format("every candidate, in phase {},", phases[i].name));
  }

  SearchOutcome outcome;
  outcome.finalists = state.finalists;
  outcome.best = state.finalists.front();
  outcome.ranking = state.ranking;
  outcome.fitness = scorer.mean(outcome.best, objective.num_documents());
  require_finite(std::isfinite(outcome.fitness), fmt::format("the best candidate, {},", outcome.best.origin));
  outcome.verdict = weigh(state, outcome.best);
  outcome.forward_equivalents = scorer.spent();
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
  set.history.method =
      fmt::format("search:{}+{}", word_of(problem.options.seeds), word_of(problem.options.refine));
  if (problem.options.fitness != SearchFitness::kText) {
    set.history.method += fmt::format("+{}", word_of(problem.options.fitness));
  }
  set.history.search_sha256 = outcome.log_sha256;
  set.history.fitness = outcome.fitness;
  set.history.forward_equivalents = outcome.forward_equivalents;
  return set;
}

}  // namespace ropeway
