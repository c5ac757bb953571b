// A context and what continues it as token ids, cut between the two where lm-eval-harness cuts
// (https://github.com/EleutherAI/lm-evaluation-harness, MIT: _encode_pair and the truncation of its
// loglikelihood requests), so that scores compare with published ones:
//   - white space at the end of the context counts to the continuation;
//   - both are encoded as one text, and the continuation's tokens are those beyond as many as the context has
//     when it is encoded alone;
//   - what is longer than the window loses tokens at its front.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct EncodedPair {
  std::vector<int32_t> tokens;
  int64_t continuation = 0;  // how many of them, at the end, are the continuation's; at least 1
  bool is_cut = false;       // tokens were left out at the front
};
struct PairOptions {
  std::vector<int32_t> start = {};  // in front of every context, such as a BOS
  // Predicts the first token of a continuation that has nothing in front of it; -1: there is none.
  int32_t prefix = -1;
  int64_t window = 0;  // tokens that predict: one more is kept, the last, which is only predicted
};
// Throws kBadData for a continuation without tokens of its own, one longer than the window, and one with
// nothing in front of it where there is no prefix.
EncodedPair encode_pair(const Tokenizer& tokenizer, std::string_view context, std::string_view continuation,
                        const PairOptions& options);

}  // namespace ropeway
