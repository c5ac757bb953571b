// The loss of examples of instruction data: over the tokens that are scored alone, each example by itself.
#pragma once

#include <cstdint>

#include "trainer/evaluate/perplexity.h"

namespace ropeway {

struct ExampleOptions {
  int64_t length = 0;        // longer examples are left out
  int64_t max_examples = 0;  // 0: all that fit, in their order
  int64_t tail_tokens = 256;
  bool keep_token_nll = false;
  DocumentMarks marks = {};  // around a prompt and its completion; the mark behind is scored
};
// The losses come from `score`. Collective where that is. An example is a window, its scored tokens are what is predicted: nll is the mean
// over all of them, tail_bits_per_byte is of the last tail_tokens of each example, token_nll is 0 where nothing
// is scored and behind the example. Throws kBadData for texts, and when no example fits.
PerplexityResult evaluate_examples(const ScoreSequences& score, const Documents& documents,
                                   const ExampleOptions& options);

}  // namespace ropeway
