// Controls: what a figure at a length beyond the original window L0 has to stand up to. They tell context
// that is used from context that is only survived; each passes or fails, with its figure and its 95%
// interval.
//
//   crop             the last L0/4 tokens of a window, with the whole window before them and with its last L0
//                    tokens only (under the factors that a model takes at L0). Figure: loss of the whole
//                    window less that of the crop, nats per token. Passes when it is below 0 with its
//                    interval: a model that makes nothing of what lies further back than L0 fails.
//   foreign_prefix   the same targets after the true last L0 tokens, with what is before them taken from
//                    other documents. Figure: loss with the foreign context less that with the true one;
//                    passes above 0.
//   repetition       up to 8 passages of L0/16 tokens at a window's end, each copied to a distance d before
//                    it, from half the original window to the whole length. Figure: the least gain of a
//                    distance, loss without the copies less loss with them, nats per token; passes when the
//                    gain of every distance is above 0.
//   confusable_keys  needles (keyed_needles.h) whose keys differ by one letter, in a sentence that training
//                    does not use. Figure: share of right answers; passes above the share that a model
//                    reaches which cannot tell such keys apart.
//
// Where a document is too short or there is only one, foreign context is another part of the same document.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config/evaluate_choices.h"
#include "trainer/report/interval.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

class MarkedDocuments;
class Tokenizer;

// A passage's distance in tokens and what its copy gains there.
struct DistanceGain {
  int64_t distance = 0;
  double gain = 0;  // nats per token
  std::optional<Interval> interval = {};
};

struct ControlResult {
  ControlKind kind = ControlKind::kCrop;
  bool passed = false;
  double figure = 0;
  std::optional<Interval> interval = {};
  int64_t windows = 0;                       // of confusable_keys: passes
  double least = 0;                          // what the figure has to differ from
  std::vector<DistanceGain> distances = {};  // of repetition, ascending
};

struct ControlOptions {
  int64_t length = 0;           // of the long window; above original_window
  int64_t original_window = 0;  // L0, at least 16
  int64_t windows = 8;
  int64_t needles = 20;  // in a pass of confusable_keys
  uint64_t seed = 0;
  std::vector<int32_t> start = {};  // tokens in front of each sequence
};

// What the controls are run on.
struct ControlInputs {
  ScoreSequences score;       // under the factors of the long window
  ScoreSequences score_crop;  // under those of the original window
  const MarkedDocuments& documents;
  const Tokenizer* tokenizer;  // of confusable_keys; null: not needed without
};

// Results in the order of `kinds`. Collective where the scores are. Throws kBadData naming sizes where the
// documents are too short, or hold no foreign context.
std::vector<ControlResult> run_controls(const std::vector<ControlKind>& kinds, const ControlInputs& inputs,
                                        const ControlOptions& options);

// Passes over `length` and over the original window that a list of controls takes.
struct ControlPasses {
  int64_t at_length = 0, at_window = 0;
};
ControlPasses control_passes(const std::vector<ControlKind>& kinds, int64_t windows);

}  // namespace ropeway
