// Every evaluation of a search goes through here: asked twice it is answered from memory, found in the log it
// is replayed, and otherwise computed, agreed upon by all ranks, logged and charged.
//
// Cost is counted in forward equivalents (FE): a document of full length is 1, a prefix its share of the
// tokens, a held-out document with its needle 2, a gradient 3.5 (a forward pass, and a backward one without
// weight gradients).
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "trainer/search/search.h"
#include "trainer/search/search_log.h"

namespace ropeway {

constexpr double kFinalistCost = 2, kGradientCost = 3.5;

// The bits of factors, temperature and start tokens: equal for candidates that are the same function.
std::string candidate_key(const Candidate& candidate);

class Scorer {
 public:
  struct Hooks {
    std::function<void(const SearchProgress&)> progress;  // may be empty
    std::function<bool()> should_stop;                    // may be empty
  };
  // Keeps references. All methods are collective over `world`.
  Scorer(Objective& objective, Communicator& world, SearchLog& log, int64_t target_length, Hooks hooks);

  // Names what follows, and the cost still to come including this phase, for progress.
  void begin_phase(const std::string& name, double remaining_cost);

  // nll[i][j] of candidates[i] on fixed documents[j], of their first `length` tokens (0: the target length).
  std::vector<std::vector<double>> scores(const std::vector<Candidate>& candidates,
                                          const std::vector<int64_t>& documents, int64_t length = 0);
  double score(const Candidate& candidate, int64_t document);
  // Mean over the first `count` fixed documents.
  double mean(const Candidate& candidate, int64_t count);
  std::vector<double> means(const std::vector<Candidate>& candidates, int64_t count);
  bool is_known(const Candidate& candidate, int64_t document) const;

  DocumentScore finalist(const Candidate& candidate, int64_t document);
  Objective::Gradient gradient(const Candidate& candidate, int64_t draw);

  // How many of the fixed documents make one look: a single one of 2048 tokens ranks candidates well, of
  // shorter ones it takes as many as have that much together.
  int64_t documents_per_look() const;
  int64_t num_documents() const { return objective_.num_documents(); }
  int64_t num_finalist_documents() const { return objective_.num_finalist_documents(); }
  int64_t target_length() const { return target_length_; }
  double spent() const { return spent_; }

 private:
  using Key = std::pair<std::string, std::pair<int64_t, int64_t>>;  // candidate, (document, length)
  SearchLine make_line(SearchLine::Kind kind, const Candidate& candidate, std::vector<int64_t> documents,
                       int64_t length) const;
  void compute(std::vector<SearchLine>& lines);
  void account(const SearchLine& line);
  void stop_if_asked();

  Objective& objective_;
  Communicator& world_;
  SearchLog& log_;
  int64_t target_length_;
  Hooks hooks_;
  std::map<Key, double> known_;
  std::map<Key, DocumentScore> known_finalists_;
  std::string phase_;
  double spent_ = 0, expected_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
  bool best_is_of_phase_ = false;
};

}  // namespace ropeway
