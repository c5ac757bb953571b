// A search as a list of phases, made once from its problem: run_search runs them in order, its progress sums
// what is left of the list, and `expected_search_work` sums all of it beforehand.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "trainer/search/cost.h"
#include "trainer/search/finalists.h"
#include "trainer/search/problem.h"

namespace ropeway {

class Scorer;

// What one phase hands to the next.
struct SearchState {
  const SearchProblem& problem;
  Scorer& scorer;
  std::vector<Candidate> seeds;  // to begin with all of them; after the seed race its winners, best first
  std::vector<Candidate> runners_up = {};  // the seeds that lost to those late
  // The best that needs no search: a formula; for a readjust one of those kept. Empty: none was scored.
  std::optional<Candidate> rival = {};
  std::vector<Candidate> finalists = {};  // what refinement found; after the last comparison all, best first
  Ranking ranking = {};                   // by the last comparison; empty where there was none
};

struct SearchPhase {
  const char* name;     // as the log and the progress line have it
  SearchWork expected;  // seeds that are dropped and races that end early make it cheaper
  void (*run)(SearchState&);
};

// The seeds the first phase starts from.
std::vector<Candidate> starting_seeds(const SearchProblem& problem);

// documents, finalist_documents: how many fixed and held-out ones there are.
std::vector<SearchPhase> search_phases(const SearchProblem& problem, int64_t documents,
                                       int64_t finalist_documents);

}  // namespace ropeway
