// The search for factors: seeds, then refinement.
//   seeds:   paper      PI, NTK-aware, YaRN and their mutants (LongRoPE, section 3.3)
//            families   closed-form families scored on one document, temperature by line search
//   refine:  evolution  mutation and crossover under lambda_i <= lambda_{i+1} (LongRoPE, Alg. 1)
//            gradient   Adam on log lambda and log temperature by the explicit backward pass
//            none       the best seed
// Cost is counted in forward equivalents (cost.h).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/search/finalists.h"
#include "trainer/search/objective.h"
#include "trainer/search/problem.h"
#include "trainer/search/progress.h"
#include "trainer/search/verdict.h"

namespace ropeway {

class Mesh;

struct SearchOutcome {
  Candidate best;
  std::vector<Candidate> finalists;  // best first
  Ranking ranking;  // how they came into that order; empty: the published evolution's fittest
  SearchVerdict verdict;
  double fitness = 0;              // mean NLL of `best` on the fixed documents, nats per token
  double forward_equivalents = 0;  // what the search cost
  std::string log_sha256;
};

// `log` is search.jsonl: one line per candidate and set of documents it was scored on. Lines already there
// are replayed instead of computed, so an interrupted search ends at the very same result. Collective over
// the mesh, whose rows share the evaluations; rank 0 writes; every rank gets the same outcome, which is the
// same for any number of rows. Throws kConfig when the problem cannot be searched (search_identity.h),
// kStopped when hooks.should_stop says so, kNumerics where no candidate has a finite loss, and what SearchLog
// throws.
SearchOutcome run_search(const SearchProblem& problem, Objective& objective, const Mesh& mesh,
                         const std::filesystem::path& log, const SearchHooks& hooks);

// The best candidate as a factor set for the target length, with the record of how it was found.
FactorSet to_factor_set(const SearchProblem& problem, const SearchOutcome& outcome, const std::string& name);

}  // namespace ropeway
