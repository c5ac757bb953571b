#include "trainer/search/search_identity.h"

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"

namespace ropeway {

std::string search_identity(const SearchProblem& problem, const Objective& objective) {
  const SearchRecipe& o = problem.options;
  nlohmann::ordered_json json;
  json["geometry"] = {problem.geometry.pairs, problem.geometry.theta, problem.geometry.original_length};
  json["target"] = {problem.target_length, problem.readjust};
  json["trained"] = {problem.trained_length, problem.trained_temperature, problem.trained_factors};
  for (const FactorSet& set : problem.known_sets)
    json["known"].push_back({set.name, set.max_length, set.factors});
  for (const Candidate& c : problem.keep)
    json["keep"].push_back({c.origin, c.factors, c.temperature, c.start_tokens});
  json["seed"] = problem.seed;
  json["recipe"] = {word_of(o.seeds),     word_of(o.refine),  text_of(o.temperature), o.documents,
                    o.finalist_documents, o.max_scale_margin, o.start_tokens};
  if (o.fitness != SearchFitness::kText) {
    json["fitness"] = {word_of(o.fitness), o.needles, word_of(o.needle_depth)};
  }
  if (problem.readjust) json["max_factor"] = o.max_factor;
  if (o.seeds == SearchSeeds::kPaper) json["yarn_seed"] = {o.beta_fast, o.beta_slow};
  if (o.seeds == SearchSeeds::kFamilies) json["seed_grid"] = word_of(o.seed_grid);
  if (o.refine == SearchRefine::kEvolution) {
    json["evolution"] = {o.population, o.mutations,           o.crossovers,           o.parents,
                         o.iterations, o.max_crossover_tries, o.mutation_probability, o.step};
  }
  if (o.refine == SearchRefine::kGradient) {
    json["gradient"] = {o.gradient_steps, o.check_every, o.factor_learning_rate, o.temperature_learning_rate};
  }
  json["documents"] = {objective.data_fingerprint(), objective.num_documents(),
                       objective.num_finalist_documents()};
  return sha256_of(json.dump()).substr(0, 16);
}

void check_problem(const SearchProblem& problem, const Objective& objective) {
  const auto pairs = static_cast<size_t>(problem.geometry.pairs);
  if (!problem.trained_factors.empty() && problem.trained_factors.size() != pairs) {
    fail(ErrorKind::kConfig,
         "search: {} trained factors for {} rotary pairs; factors that differ by layer cannot be searched",
         problem.trained_factors.size(), pairs);
  }
  for (const Candidate& candidate : problem.keep) {
    if (candidate.factors.size() != pairs) {
      fail(ErrorKind::kConfig, "search: \"{}\" has {} factors for {} rotary pairs", candidate.origin,
           candidate.factors.size(), pairs);
    }
  }
  if (problem.readjust && problem.target_length > trained_length(problem)) {
    fail(ErrorKind::kConfig,
         "readjust: the target of {} tokens is beyond the {} the model was trained at; that is a search",
         problem.target_length, trained_length(problem));
  }
  if (!problem.readjust && problem.target_length <= trained_length(problem)) {
    fail(ErrorKind::kConfig,
         "search: the target of {} tokens is within the {} the model was trained at; that is a readjust",
         problem.target_length, trained_length(problem));
  }
  if (problem.readjust && problem.options.seeds == SearchSeeds::kLongRope2) {
    fail(ErrorKind::kConfig, "readjust: a length within the trained one has no critical pair");
  }
  if (objective.num_documents() < 1) fail(ErrorKind::kConfig, "search: no documents to rank candidates on");
}

}  // namespace ropeway
