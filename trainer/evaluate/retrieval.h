// What passkeys and keyed needles share: where needles lie, what they lie in, and what comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trainer/report/interval.h"
#include "trainer/score/answer_score.h"

namespace ropeway {

class MarkedDocuments;

struct RetrievalResult {
  int64_t length = 0, passes = 0, trials = 0, right = 0;  // of passkeys each pass is a trial
  double accuracy = 0;                                    // right / trials
  double answer_nll = 0;                                  // mean over answer tokens, nats
  std::optional<Interval> interval = {};                  // of the accuracy, Wilson's
  std::vector<double> depths = {};                        // ascending
  std::vector<double> depth_accuracy = {};                // over equally many trials each
};

// Answers as they are scored, by the depth of what they ask for.
class RetrievalTally {
 public:
  // `trials` at each depth.
  RetrievalTally(std::vector<double> depths, int64_t trials);
  void add(size_t depth, const AnswerScore& answer);
  RetrievalResult result(int64_t length, int64_t passes) const;

 private:
  std::vector<double> depths_;
  int64_t trials_;
  std::vector<AnswerTally> by_depth_;
  AnswerTally all_;
};

// So many depths from 0, the start, to 1, right before the question, evenly; one alone is in the middle.
std::vector<double> spread_depths(int64_t count);

// Successive stretches of `text` tokens of the documents, as many as are wanted or there are.
std::vector<std::span<const int32_t>> stretches_of(const MarkedDocuments& documents, int64_t text,
                                                   int64_t wanted);

}  // namespace ropeway
