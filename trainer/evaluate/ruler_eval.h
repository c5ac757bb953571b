// One task of RULER at one length under one factor set (trainer/tasks/ruler_sample.h).
//
// Tasks with one answer are scored in one teacher-forced pass: a sample is right when every token of the
// answer is the arg-max behind the true ones before it, that is, when greedy decoding begins with the answer.
// (RULER also lets it stand later in the text.) Tasks whose answers are a list, or the model's own words, are
// answered by generation and scored by RULER's rules.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/evaluate/proportion.h"
#include "trainer/model/causal_lm.h"
#include "trainer/rope/factor_set.h"
#include "trainer/tasks/ruler_maker.h"

namespace ropeway {

// Greedy tokens behind a prompt; collective over the ranks that share a sequence, the same on each.
using GenerateTokens =
    std::function<std::vector<int64_t>(std::span<const int64_t> prompt, int max_new_tokens)>;

struct RulerResult {
  int64_t samples = 0;
  Proportion score;       // mean of RULER's score over samples, and its interval
  double answer_nll = 0;  // nats per token of the answers, of teacher-forced tasks; else 0
  double tokens = 0;      // of prompt and answer's room, mean over samples
};

struct RulerInputs {
  CausalLM& model;
  const Mesh& mesh;
  const Tokenizer& tokenizer;
  GenerateTokens generate = {};  // under the cell's factors; empty: only teacher-forced tasks can be done
};
// Collective over the mesh: samples are spread over its data axis. progress: samples that are done of all.
// Throws kConfig for a task that needs generation where there is none, and what RulerMaker throws.
RulerResult evaluate_ruler(const RulerInputs& inputs, const FactorSet& factors, RulerTask task,
                           const RulerMaker& maker, int64_t length, int64_t samples,
                           const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace ropeway
