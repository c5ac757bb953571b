// The losses of single tokens of whole sequences, gathered from the ranks that share the sequences.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

class CausalLM;
class Communicator;
struct FactorSet;

// Tokens that might stand behind those up to a position, in the place of the one that does.
struct OtherTokens {
  int64_t position = 0;              // that predicts them
  std::vector<int32_t> tokens = {};  // of every sequence of a batch as many
};

// Row-major [sequence][length]: entry t of a sequence is about predicting its token t+1 from tokens 0..t, and
// the last entry is 0.
struct TokenLosses {
  std::vector<double> nll;       // nats
  std::vector<uint8_t> correct;  // 1 where the arg-max is the true token
  // [sequence][other token]: the same of the others.
  std::vector<double> other_nll = {};
  std::vector<uint8_t> other_correct = {};
};

// Sequences of equal length. score_from[b]: predictions at earlier positions of sequence b are not asked for:
// 0 in the result, and cheaper; empty: all are. others[b]: further tokens to be scored at one position of
// sequence b, in the same pass; empty: none. `group` are the ranks the model's attention spreads a
// sequence over. Collective over them, with the same result on each: every figure is computed by one rank,
// and gathering neither adds nor rounds.
TokenLosses token_losses(CausalLM& model, Communicator& group, const FactorSet& factors,
                         const std::vector<std::vector<int32_t>>& sequences,
                         const std::vector<int64_t>& score_from = {},
                         const std::vector<OtherTokens>& others = {});

}  // namespace ropeway
