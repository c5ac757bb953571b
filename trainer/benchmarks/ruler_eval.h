// One task of RULER at one length under one factor set (trainer/tasks/ruler_sample.h).
//
// Tasks with one answer are scored in one teacher-forced pass: a sample is right when every token of the
// answer is the arg-max behind the true ones before it, that is, when greedy decoding begins with the answer.
// (RULER also lets it stand later in the text.) Tasks whose answers are a list, or the model's own words, are
// answered by generation and scored by RULER's rules.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/benchmarks/proportion.h"
#include "trainer/generate/generator.h"
#include "trainer/score/kept_pieces.h"
#include "trainer/score/score_sequences.h"
#include "trainer/tasks/ruler_maker.h"

namespace ropeway {

struct RulerResult {
  int64_t samples = 0;
  Proportion score;       // mean of RULER's score over samples, and its interval
  double answer_nll = 0;  // nats per token of the answers, of teacher-forced tasks; else 0
  double tokens = 0;      // of prompt and answer's room, mean over samples
};

struct RulerInputs {
  const Mesh& mesh;
  const Tokenizer& tokenizer;
  ScoreSequences score;                // under the cell's factors
  Complete generate = {};              // likewise; empty: only teacher-forced tasks can be done
  KeptPieces* pieces = nullptr;        // where scores of generated samples are kept; null: nowhere
  std::string subject = {};            // of what is kept: the same for the same weights and factors only
  std::function<void()> between = {};  // called on every rank between generated samples; may throw
};
// Collective over the mesh: samples are spread over its data axis. tell: of samples that are done. Throws
// kConfig for a task that needs generation where there is none, and what RulerMaker throws.
RulerResult evaluate_ruler(const RulerInputs& inputs, RulerTask task, const RulerMaker& maker, int64_t length,
                           int64_t samples, const TellDone& tell = {});

}  // namespace ropeway
