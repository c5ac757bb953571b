// The search for factors: seeds, then refinement.
//   seeds: paper     PI, NTK-aware, YaRN and their mutants (LongRoPE, section 3.3)
//          families  closed-form families scored on one document, temperature by line search
//   refine: evolution  mutation and crossover under lambda_i <= lambda_{i+1} (LongRoPE, Alg. 1)
//           gradient   Adam on log lambda and log temperature by the explicit backward pass
//           none       the best seed
// Cost is counted in forward equivalents (FE): one forward pass over one document of full length; a gradient
// is 3.5.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "trainer/config/recipe.h"
#include "trainer/rope/factor_set.h"
#include "trainer/search/objective.h"

namespace ropeway {

struct SearchProblem {
  RopeGeometry geometry;
  int64_t target_length = 0;
  std::vector<double> trained_factors;  // lambda_ft of a tuned model; empty: the original RoPE
  int64_t trained_length = 0;           // the length the model was last trained at
  double trained_temperature = 1;
  std::vector<FactorSet> known_sets;  // of shorter targets: transferred as seeds
  std::vector<Candidate> keep;  // always candidates, in every comparison (readjust: identity, tuned factors)
  bool readjust = false;        // a length the model was trained at or below: reduced bounds
  uint64_t seed = 0;
  SearchRecipe options;
};

struct SearchOutcome {
  Candidate best;
  std::vector<Candidate> finalists;  // best first
  double fitness = 0;                // mean NLL on the fixed documents
  double forward_equivalents = 0;
  std::string log_sha256;
};

struct SearchProgress {
  std::string phase;
  double best = 0, spent = 0, expected = 0;  // NLL, FE, FE
};

// `log` is search.jsonl: a line per candidate and per document-set it was scored on. Lines already there are
// replayed instead of computed, so an interrupted search ends at the very same result. Rank 0 writes; every
// rank gets the same outcome. should_stop is asked between evaluations: true ends the search with an Error of
// kind kStopped.
SearchOutcome run_search(const SearchProblem& problem, Objective& objective, Communicator& world,
                         const std::filesystem::path& log,
                         const std::function<void(const SearchProgress&)>& progress,
                         const std::function<bool()>& should_stop);

// Bounds of lambda_i for the evolution and for projections: [1, margin * scale] times the trained factors.
FactorSet to_factor_set(const SearchProblem& problem, const SearchOutcome& outcome, const std::string& name);

}  // namespace ropeway
