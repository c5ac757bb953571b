// Questions with answers to choose from, by log-likelihood: the answer that the model gives the highest
// probability behind its context is the model's. What lm-eval-harness and OLMES report as acc and acc_norm.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/evaluate/proportion.h"
#include "trainer/model/causal_lm.h"
#include "trainer/rope/factor_set.h"
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
// Collective over the mesh: options of about equal length are scored together, batches are spread over the
// data axis. progress: told of options that are done, on every rank. Throws kBadData "FILE:LINE: ..." what
// encode_pair throws.
ChoiceResult evaluate_choices(CausalLM& model, const Mesh& mesh, const Tokenizer& tokenizer,
                              const FactorSet& factors, const ChoiceTask& task, const PairOptions& options,
                              const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace ropeway
