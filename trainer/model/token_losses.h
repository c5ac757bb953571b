// The losses of single tokens of whole sequences, gathered from the ranks that share the sequences.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

class CausalLM;
class Communicator;
struct FactorSet;

// Row-major [sequence][length]: entry t of a sequence is about predicting its token t+1 from tokens 0..t, and
// the last entry is 0.
struct TokenLosses {
  std::vector<double> nll;       // nats
  std::vector<uint8_t> correct;  // 1 where the arg-max is the true token
};

// Sequences of equal length. score_from[b]: predictions at earlier positions of sequence b are not asked for:
// 0 in the result, and cheaper; empty: all are. `group` are the ranks the model's attention spreads a
// sequence over. Collective over them, with the same result on each: every figure is computed by one rank,
// and gathering neither adds nor rounds.
TokenLosses token_losses(CausalLM& model, Communicator& group, const FactorSet& factors,
                         const std::vector<std::vector<int32_t>>& sequences,
                         const std::vector<int64_t>& score_from = {});

}  // namespace ropeway
