// Passkey retrieval by length and depth. Greedy decoding gives the whole answer right exactly when every
// answer token is the arg-max given the true ones before it, so one teacher-forced pass per sample decides
// and no cache is needed.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/config/evaluate_choices.h"
#include "trainer/data/documents.h"
#include "trainer/data/passkey.h"
#include "trainer/evaluate/retrieval.h"
#include "trainer/model/causal_lm.h"
#include "trainer/rope/factor_set.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

struct PasskeyEvalOptions {
  int64_t length = 0;
  int64_t depths = 10, samples_per_depth = 2;
  uint64_t seed = 0;
  std::vector<int32_t> start = {};  // tokens in front of each sample, such as a BOS
  Haystack haystack = Haystack::kText;
};
// Collective where `score` is, over a mesh whose data axis shares the samples. Haystacks are the documents'
// successive stretches, or the sentences of the published task, which need no document.
RetrievalResult evaluate_passkey(const ScoreSequences& score, const Documents& documents,
                                 const Tokenizer& tokenizer, const PasskeyEvalOptions& options);
RetrievalResult evaluate_passkey(CausalLM& model, const Mesh& mesh, const Documents& documents,
                                 const Tokenizer& tokenizer, const FactorSet& factors,
                                 const PasskeyEvalOptions& options);

}  // namespace ropeway
