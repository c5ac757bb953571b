// Every evaluation of a search goes through here. One that was asked for before is answered from memory, one
// that is in the log is replayed; any other is computed by a row of the mesh, told to all, logged, and
// charged (cost.h).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "trainer/search/objective.h"
#include "trainer/search/progress.h"
#include "trainer/search/search_log.h"

namespace ropeway {

class Mesh;

class Scorer {
 public:
  // Keeps references. All methods that evaluate are collective over the mesh.
  Scorer(Objective& objective, const Mesh& mesh, SearchLog& log, int64_t target_length, SearchHooks hooks);

  // Names what follows for the log. remaining_cost, FE: of this phase and all later ones, for progress.
  void begin_phase(const std::string& name, double remaining_cost);

  // nll[i][j] of candidates[i] on fixed documents[j], of their first `length` tokens (0: the target length).
  std::vector<std::vector<double>> scores(const std::vector<Candidate>& candidates,
                                          const std::vector<int64_t>& documents, int64_t length = 0);
  double score(const Candidate& candidate, int64_t document);
  // Mean over the first `count` fixed documents.
  double mean(const Candidate& candidate, int64_t count);
  std::vector<double> means(const std::vector<Candidate>& candidates, int64_t count);
  bool is_known(const Candidate& candidate, int64_t document, int64_t length = 0) const;

  // [i][j] of candidates[i] on held-out document j, for all of those.
  std::vector<std::vector<DocumentScore>> finalists(const std::vector<Candidate>& candidates);
  std::vector<Objective::Gradient> gradients(const Candidate& candidate, const std::vector<int64_t>& draws);

  int64_t documents_per_look() const;  // of the fixed ones (cost.h)
  int64_t num_documents() const { return objective_.num_documents(); }
  int64_t num_finalist_documents() const { return objective_.num_finalist_documents(); }
  int64_t target_length() const { return target_length_; }
  int64_t num_targets() const { return objective_.num_targets(); }  // of a document
  double spent() const { return spent_; }
  // Whether any candidate had a finite loss on a whole look at it, so far.
  bool any_finite() const { return any_finite_; }

 private:
  using Key = std::pair<std::string, std::pair<int64_t, int64_t>>;  // candidate, (document, length)
  SearchLine make_line(SearchLine::Kind kind, const Candidate& candidate, std::vector<int64_t> documents,
                       int64_t length) const;
  // Replays or computes lines of one kind, in their order.
  void settle(std::vector<SearchLine>& lines);
  void compute(std::span<SearchLine> lines);
  std::vector<double> evaluate(const SearchLine& line, int64_t document);
  void account(const SearchLine& line);
  void note_infinite(const SearchLine& line);
  std::string scored_on(const SearchLine& line) const;
  void stop_if_asked();

  Objective& objective_;
  const Mesh& mesh_;
  SearchLog& log_;
  int64_t target_length_;
  SearchHooks hooks_;
  std::map<Key, double> known_;
  std::map<Key, DocumentScore> known_finalists_;
  std::string phase_;
  int64_t computed_ = 0;  // candidates, or groups of them, in this process
  double spent_ = 0, expected_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
  std::string best_on_;  // what best_ was scored on; empty: nothing in this phase yet
  bool any_finite_ = false, noted_infinite_ = false;
};

}  // namespace ropeway
