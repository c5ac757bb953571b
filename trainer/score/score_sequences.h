// Teacher-forced scores of many sequences of one length over a mesh: what all that is evaluated is made of.
// Sequences are batched, batches are dealt to the rows of the data axis, and each batch is sharded over a
// row's sequence axis.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/token_losses.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct SequenceToScore {
  std::vector<int32_t> tokens;
  int64_t score_from = 0;  // predictions made at earlier positions are not wanted: they score 0 and cost less
  OtherTokens others = {};  // scored in the same pass
};
struct SequenceSet {
  int64_t count = 0;
  int64_t length = 0;                                // of each, tokens
  std::function<SequenceToScore(int64_t index)> of;  // called on some ranks only
  // Called on every rank when the scores of a batch of each row have been told; may be empty, and may throw.
  std::function<void()> round_done = {};
  int64_t others = 0;  // other tokens of each sequence
};

// The scores of one sequence: entry t is for the prediction of token t+1 from tokens 0..t.
struct SequenceScore {
  std::span<const double> nll;       // length - 1, nats
  std::span<const uint8_t> correct;  // length - 1; 1 where the arg-max is the true token
  // The same of the sequence's other tokens.
  std::span<const double> other_nll = {};
  std::span<const uint8_t> other_correct = {};
};

// Any way to score: what is told of each sequence, in order. `purpose` is for errors.
using UseScore = std::function<void(int64_t index, const SequenceScore& score)>;
using ScoreSequences =
    std::function<void(const SequenceSet& sequences, const std::string& purpose, const UseScore& use)>;

// Calls `use` for every sequence, in order, on every rank with the same numbers. Collective over the mesh.
// Holds the scores of one batch per row of the mesh. Throws kNumerics naming `purpose`, sequence and position
// when a loss is not finite; kConfig when length < 2.
void score_sequences(CausalLM& model, const Mesh& mesh, const FactorSet& factors,
                     const SequenceSet& sequences, const std::string& purpose, const UseScore& use);

// score_sequences() of a model under a factor set. Keeps references to all three.
ScoreSequences scores_of(CausalLM& model, const Mesh& mesh, const FactorSet& factors);

// How far a piece of work is: what it is, what is done, of how many.
using TellDone = std::function<void(const std::string& what, int64_t done, int64_t count)>;
// `score`, which tells before the first sequence and after each; `tell` may be empty. between: called on every rank after each
// round of batches.
ScoreSequences told_scores(ScoreSequences score, TellDone tell, std::function<void()> between = {});

}  // namespace ropeway
