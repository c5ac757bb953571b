// One answer in a sequence that was scored: what it costs, and whether greedy decoding would have written it,
// which it does exactly when each of its tokens is the arg-max behind the true ones before it.
#pragma once

#include <cstdint>

#include "trainer/score/score_sequences.h"

namespace ropeway {

struct AnswerScore {
  double nll = 0;  // sum over its tokens, nats
  int64_t tokens = 0;
  bool right = true;  // all of them
};
// Of the `count` tokens of the sequence from `begin` on; begin is at least 1.
AnswerScore score_of_answer(const SequenceScore& score, int64_t begin, int64_t count);

// Of many answers.
struct AnswerTally {
  double nll = 0;
  int64_t tokens = 0, answers = 0, right = 0;

  void add(const AnswerScore& answer);
  double mean_nll() const { return nll / static_cast<double>(tokens); }  // nats per token
};

}  // namespace ropeway
