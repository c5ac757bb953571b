// LongPPL: perplexity over the tokens that a long context helps with (Fang et al., "What is Wrong with
// Perplexity for Long-context Language Modeling?", ICLR 2025; https://github.com/PKU-ML/LongPPL, MIT), and
// the loss by how much context stands in front.
//
// Token i of a window is predicted twice: behind all tokens before it (long), and behind a short context,
// which begins at a multiple of `stride` and holds short_tokens to short_tokens + stride - 1 of them. It is a
// key token when
//
//   loss_short - loss_long > gain   and   loss_long < -floor     (the paper's alpha = 2, beta = -2; nats)
//
// LongPPL is exp of the mean of loss_long over key tokens. Both losses that choose key tokens may be those of
// another model, the evaluator; then loss_long in the mean is that of the model itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/data/documents.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

struct LongPplOptions {
  int64_t length = 0;       // tokens of a window, its start included
  int64_t max_windows = 0;  // 0: all that fit
  int64_t short_tokens = 4096, stride = 1024;
  double gain = 2, floor = -2;
  std::vector<int32_t> start = {};  // tokens in front of each window and each short context, such as a BOS
};

// Loss of the targets with so much context.
struct LossAtDistance {
  int64_t from = 0, to = 0;  // tokens in front of the target: [from, to), from a power of two
  int64_t targets = 0;
  double nll = 0;  // mean, nats
};
struct LongPplResult {
  int64_t windows = 0, targets = 0;  // targets: tokens that could be key tokens
  int64_t key_tokens = 0;
  double longppl = 0;     // 0 where there is no key token
  double perplexity = 0;  // of all targets of the windows
  std::vector<LossAtDistance> by_distance;
};

// Whether each token is a key token, of losses of the same tokens behind the long and the short context.
std::vector<bool> find_key_tokens(std::span<const double> loss_long, std::span<const double> loss_short,
                                  double gain, double floor);

// Both contexts of the evaluator: key tokens of each window, by index of the token in it; collective.
using KeyTokensOfWindows = std::vector<std::vector<int64_t>>;
KeyTokensOfWindows key_tokens_of(const ScoreSequences& evaluator,
                                 const std::vector<std::vector<int32_t>>& windows,
                                 const LongPplOptions& options);

// Windows of the documents, disjoint. Throws kBadData where none fits, kConfig for a length that is not
// beyond the short context.
std::vector<std::vector<int32_t>> longppl_windows(const Documents& documents, const LongPplOptions& options);

// The losses come from `score`; collective where that is. keys: those that an evaluator found; null: the model
// finds them itself, from the same long pass.
LongPplResult evaluate_longppl(const ScoreSequences& score, const std::vector<std::vector<int32_t>>& windows,
                               const LongPplOptions& options, const KeyTokensOfWindows* keys = nullptr);

}  // namespace ropeway
