// Passkey retrieval by length and depth. Greedy decoding gives the whole answer right exactly when every
// answer token is the arg-max given the true ones before it, so one teacher-forced pass per sample decides
// and no cache is needed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/config/evaluate_choices.h"
#include "trainer/data/documents.h"
#include "trainer/data/passkey.h"
#include "trainer/evaluate/score_sequences.h"
#include "trainer/model/causal_lm.h"
#include "trainer/report/interval.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct PasskeyResult {
  int64_t length = 0, samples = 0, right = 0;
  double accuracy = 0;                 // share of samples with every answer token right
  std::optional<Interval> interval;    // of the accuracy, Wilson's
  double answer_nll = 0;               // mean over answer tokens, nats
  std::vector<double> depths;          // ascending
  std::vector<double> depth_accuracy;  // same length
};
struct PasskeyEvalOptions {
  int64_t length = 0;
  int64_t depths = 10, samples_per_depth = 2;
  uint64_t seed = 0;
  std::vector<int32_t> start = {};  // tokens in front of each sample, such as a BOS
  Haystack haystack = Haystack::kText;
};
// So many depths from 0, the start, to 1, right before the question, evenly; one alone is in the middle.
std::vector<double> spread_depths(int64_t count);

// Collective where `score` is, over a mesh whose data axis shares the samples. Haystacks are the documents'
// successive stretches, or the sentences of the published task, which need no document.
PasskeyResult evaluate_passkey(const ScoreSequences& score, const Documents& documents,
                               const Tokenizer& tokenizer, const PasskeyEvalOptions& options);
PasskeyResult evaluate_passkey(CausalLM& model, const Mesh& mesh, const Documents& documents,
                               const Tokenizer& tokenizer, const FactorSet& factors,
                               const PasskeyEvalOptions& options);

}  // namespace ropeway
