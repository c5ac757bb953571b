// Questions with answers to choose from, by log-likelihood: the answer that the model gives the highest
// probability behind its context is the model's. What lm-eval-harness and OLMES report as acc and acc_norm.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/benchmarks/proportion.h"
#include "trainer/score/score_sequences.h"
#include "trainer/tasks/choice_task.h"
#include "trainer/tasks/encode_pair.h"

namespace ropeway {

struct OptionScore {
  double loglikelihood = 0;  // of the continuation, nats; the sum over its tokens
  bool is_greedy = false;    // greedy decoding would write it
  int64_t tokens = 0;        // of the continuation
};
struct ChoiceResult {
  int64_t questions = 0, options = 0, cut = 0;  // cut: options that lost tokens at their front
  Proportion accuracy;                          // acc: the highest log-likelihood is the right answer's
  Proportion accuracy_norm;  // acc_norm: the same per character of the answer, less a blank in front
  double right_nll = 0;      // nats per token of the right answers
  std::vector<std::vector<OptionScore>> scores;  // [question][option]
};
// The losses come from `score`, to which options of about equal length are given together. Collective where
// that is. tell: of options that are done; may be empty. Throws kBadData "FILE:LINE: ..." what encode_pair
// throws.
ChoiceResult evaluate_choices(const ScoreSequences& score, const Tokenizer& tokenizer, const ChoiceTask& task,
                              const PairOptions& options, const TellDone& tell = {});

}  // namespace ropeway
