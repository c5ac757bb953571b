// Perplexity and bits per byte by length: a text is scored in windows that scored_windows.h lays out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parallel/comm/mesh.h"
#include "trainer/data/documents.h"
#include "trainer/evaluate/scored_windows.h"
#include "trainer/model/causal_lm.h"
#include "trainer/report/interval.h"
#include "trainer/rope/factor_set.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

// Targets in a row, in one window.
struct TargetRun {
  double nll = 0;  // sum, nats
  int64_t targets = 0;
  double bytes = 0;  // of text that they spell
};

struct PerplexityResult {
  int64_t length = 0, windows = 0, predicted_tokens = 0;
  double nll = 0;         // mean over predicted tokens, nats (token-weighted)
  double perplexity = 0;  // exp(nll)
  // Sum of nll / ln 2 / bytes of the predicted tokens: those that the tokenizer writes them out as. Without a
  // tokenizer counted at their document's bytes per token: exact for the byte-level one, bits per token for a
  // file of ids (its text is unknown).
  double bits_per_byte = 0;
  double tail_bits_per_byte = 0;  // the last tail_tokens targets of each window only
  // exp of the mean over windows of their mean: what the authors' own script of LongRoPE prints.
  double window_perplexity = 0;
  // 95%, over blocks of windows. Where there are fewer than 16 windows the runs of targets that each is cut
  // into are the blocks: the interval then speaks of these windows, not of other documents. None for one
  // block.
  std::optional<Interval> nll_interval, bits_interval, tail_bits_interval;
  std::vector<TargetRun> runs;   // in window order, as many of each window: what intervals are made of
  std::vector<float> token_nll;  // [windows, length-1] in window order, when asked for; 0 where not scored
};
struct PerplexityOptions {
  int64_t length = 0;
  int64_t max_windows = 0;  // 0: all that fit
  int64_t tail_tokens = 256;
  bool keep_token_nll = false;
  std::vector<int32_t> start = {};  // tokens in front of each window, such as a BOS; they are not scored
  // As in WindowRule.
  int64_t align_to = 0, targets = 0, stride = 0, target_tokens = 0;
  const Tokenizer* tokenizer = nullptr;  // for the bytes of the predicted tokens; may be null
};
// Which windows they are of.
WindowRule rule_of(const PerplexityOptions& options);

// The windows' losses come from `score`. Collective where that is. Sums in F64 in window and position order.
// Throws kBadData naming documents and sizes when no document has `length` tokens.
PerplexityResult evaluate_perplexity(const ScoreSequences& score, const Documents& documents,
                                     const PerplexityOptions& options);
// Of a model. Collective over the mesh: windows are spread over its data axis, each sharded over its sequence
// axis.
PerplexityResult evaluate_perplexity(CausalLM& model, const Mesh& mesh, const Documents& documents,
                                     const FactorSet& factors, const PerplexityOptions& options);

// Sums over all windows, nats: of all targets, of the tails, of the windows' means.
struct LossSums {
  double total = 0, tail = 0, means = 0;
};
// Means and intervals of a result that has its counts and its runs; `tails` are the runs of the tails.
void add_means(const LossSums& sums, const std::vector<TargetRun>& tails, PerplexityResult& result);

// The interval of exp(nll); none where that of nll is none.
std::optional<Interval> perplexity_interval(const PerplexityResult& result);

// How much more is lost than in `against`, nats per token, over the same targets.
struct PairedDifference {
  double nll = 0, bits_per_byte = 0;
  std::optional<Interval> nll_interval, bits_interval;
};
// Empty where the two did not score the same number of targets in the same number of windows. That they are
// the same targets is for the caller to know.
std::optional<PairedDifference> paired_difference(const PerplexityResult& result,
                                                  const PerplexityResult& against);

}  // namespace ropeway
