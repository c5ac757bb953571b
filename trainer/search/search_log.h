// search.jsonl: one line per evaluation, written and fsynced before the search goes on. Read back, it is the
// search's memory: lines already there are replayed instead of computed, so that a search that was killed
// ends at the very same result. A line is
//
//   {"search":ID, "step":17, "phase":"seeds", "origin":"yarn(4,1)", "factors":[...], "temperature":1.11,
//    "start_tokens":0, "length":2048, "documents":[0], "fitness":1.2034, "scores":[1.2034], ...,
//    "forward_equivalents":1, "seconds":0.41}
//
// without the spaces and line breaks. ID names the problem: another recipe's log is refused. An infinite
// fitness is null. Seconds come last and decide nothing; the log's hash leaves them out.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/search/objective.h"

namespace ropeway {

class Communicator;

struct SearchLine {
  enum class Kind { kScore, kFinalist, kGradient } kind = Kind::kScore;
  int64_t step = 0;  // number of the line
  std::string phase;
  Candidate candidate;
  int64_t length = 0;              // tokens scored of each document
  std::vector<int64_t> documents;  // fixed ones; of a finalist: the held-out one; of a gradient: the draw
  std::vector<double> scores;      // nll of each
  double tail = 0, needle = 0;     // finalist
  std::vector<double> blocks;      // finalist: kScoreBlocks of them
  std::vector<double> needles;     // finalist: Objective::num_needles() of them
  Objective::Gradient gradient;    // gradient
  double forward_equivalents = 0, seconds = 0;
};

class SearchLog {
 public:
  // Collective. Rank 0 reads what is there; a torn last line is cut off. Throws kCannotCreate when the log
  // belongs to another search or cannot be written, kBadData naming the line that is damaged.
  SearchLog(Communicator& world, const std::filesystem::path& path, const std::string& identity);
  ~SearchLog();
  SearchLog(const SearchLog&) = delete;
  SearchLog& operator=(const SearchLog&) = delete;

  bool can_replay() const { return next_ < static_cast<int64_t>(recorded_.size()); }
  // Fills the results of `line` from the next recorded one. Throws kBadData when that is another evaluation.
  void replay(SearchLine& line);
  // Collective: rank 0 writes all lines and fsyncs once.
  void append(const std::vector<SearchLine>& lines);
  std::string sha256() const;  // of all lines so far, seconds left out

 private:
  void read_on_rank_0(std::string& content);

  Communicator& world_;
  std::filesystem::path path_;
  std::string identity_;
  std::vector<std::string> recorded_;
  std::string canonical_;
  int64_t next_ = 0;
  int descriptor_ = -1;
};

}  // namespace ropeway
