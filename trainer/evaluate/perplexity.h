// Perplexity and bits per byte by length: a text is scored from its first token in disjoint windows of each
// length. Where windows start with a BOS, as in the authors' own evaluation of LongRoPE, it counts in the
// length and the text between two windows' ends is that much shorter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/data/documents.h"
#include "trainer/model/causal_lm.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct PerplexityResult {
  int64_t length = 0, windows = 0, predicted_tokens = 0;
  double nll = 0;         // mean over predicted tokens, nats (token-weighted)
  double perplexity = 0;  // exp(nll)
  // Sum of nll / ln 2 / bytes of the predicted tokens, counted at their document's bytes per token: exact for
  // the byte-level tokenizer, an average for others, bits per token for a file of ids (its text is unknown).
  double bits_per_byte = 0;
  double tail_bits_per_byte = 0;  // the last tail_tokens targets of each window only
  std::vector<float> token_nll;   // [windows, length-1] in window order, when asked for
};
struct PerplexityOptions {
  int64_t length = 0;
  int64_t max_windows = 0;  // 0: all that fit, over all documents in order
  int64_t tail_tokens = 256;
  bool keep_token_nll = false;
  std::vector<int32_t> start = {};  // tokens in front of each window, such as a BOS; they are not scored
  // Score the same targets at every length: windows end where windows of this length end (0: plain disjoint
  // windows).
  int64_t align_to = 0;
};
// Collective over the mesh: windows are spread over its data axis, each sharded over its sequence axis. Sums
// in F64 in window and position order. Throws kBadData naming documents and sizes when no document has
// `length` tokens.
PerplexityResult evaluate_perplexity(CausalLM& model, const Mesh& mesh, const Documents& documents,
                                     const FactorSet& factors, const PerplexityOptions& options);

}  // namespace ropeway
