#include "trainer/evaluate/controls.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/foreign_text.h"
#include "trainer/evaluate/keyed_needles.h"
#include "trainer/evaluate/repetition.h"
#include "trainer/evaluate/scored_windows.h"

namespace ropeway {
namespace {

constexpr int64_t kLeastWindow = 16;
constexpr int64_t kRunsPerWindow = 4;  // of targets: blocks of an interval where there are few windows

// The losses of the last `targets` tokens of each window, cut into runs.
using Losses = std::vector<double>;

std::vector<LossBlock> paired_blocks(const Losses& losses, const Losses& against, int64_t targets) {
  const int64_t runs = std::min(kRunsPerWindow, targets), windows = std::ssize(losses) / targets;
  std::vector<LossBlock> blocks;
  for (int64_t i = 0; i < windows * runs; ++i) {
    const int64_t begin = i / runs * targets + i % runs * targets / runs;
    const int64_t end = i / runs * targets + (i % runs + 1) * targets / runs;
    LossBlock block{0, static_cast<double>(end - begin)};
    for (int64_t t = begin; t < end; ++t) {
      block.loss += losses[static_cast<size_t>(t)] - against[static_cast<size_t>(t)];
    }
    blocks.push_back(block);
  }
  return joined_blocks(blocks);
}

double mean_of(const std::vector<LossBlock>& blocks) {
  double loss = 0, weight = 0;
  for (const LossBlock& block : blocks) {
    loss += block.loss;
    weight += block.weight;
  }
  return loss / weight;
}

class Controls {
 public:
  Controls(const ControlInputs& inputs, const ControlOptions& options)
      : inputs_(inputs),
        options_(options),
        targets_(options.original_window / 4),
        layout_(repetition_layout(options.length, options.original_window, std::ssize(options.start))),
        windows_(scored_windows(inputs.documents, {.length = options.length,
                                                   .align_to = options.length,
                                                   .targets = targets_,
                                                   .windows = options.windows})) {}

  ControlResult run(ControlKind kind) {
    switch (kind) {
      case ControlKind::kCrop:
        return crop();
      case ControlKind::kForeignPrefix:
        return foreign_prefix();
      case ControlKind::kRepetition:
        return repetition();
      case ControlKind::kConfusableKeys:
        return confusable_keys();
    }
    fail(ErrorKind::kInternal, "a control without a way to run it");
  }

 private:
  ControlResult result_of(ControlKind kind) const { return {.kind = kind, .windows = std::ssize(windows_)}; }
  std::string purpose(ControlKind kind) const {
    return fmt::format("control {} at length {}", word_of(kind), options_.length);
  }

  std::vector<int32_t> tokens_of(const ScoredWindow& window) const {
    return inputs_.documents.window(window.document, window.begin, options_.length);
  }

  // Losses of the last `targets` tokens of the sequences that `make` gives.
  Losses losses_of(
      const ScoreSequences& score, int64_t length, int64_t targets, ControlKind kind,
      const std::function<std::vector<int32_t>(const ScoredWindow&, int64_t index)>& make) const {
    Losses losses;
    const SequenceSet sequences = {
        std::ssize(windows_), length, [&](int64_t index) {
          return SequenceToScore{make(windows_[static_cast<size_t>(index)], index), length - 1 - targets};
        }};
    score(sequences, purpose(kind), [&](int64_t, const SequenceScore& scored) {
      const auto last = scored.nll.last(static_cast<size_t>(targets));
      losses.insert(losses.end(), last.begin(), last.end());
    });
    return losses;
  }

  // Of the windows as they are: once for all controls.
  const Losses& true_losses() {
    if (true_losses_.empty()) {
      true_losses_ = losses_of(inputs_.score, options_.length, true_targets(), ControlKind::kCrop,
                               [&](const ScoredWindow& window, int64_t) { return tokens_of(window); });
    }
    return true_losses_;
  }
  int64_t true_targets() const { return std::max(targets_, layout_.targets()); }
  Losses last_true_losses(int64_t targets) {
    Losses last;
    const Losses& all = true_losses();
    for (size_t w = 0; w < windows_.size(); ++w) {
      const auto end = all.begin() + static_cast<int64_t>(w + 1) * true_targets();
      last.insert(last.end(), end - targets, end);
    }
    return last;
  }

  ControlResult crop() {
    const int64_t length = options_.original_window;
    const Losses cropped = losses_of(
        inputs_.score_crop, length, targets_, ControlKind::kCrop, [&](const ScoredWindow& window, int64_t) {
          const int64_t end = window.begin + inputs_.documents.text_tokens(options_.length);
          return inputs_.documents.window(window.document, end - inputs_.documents.text_tokens(length),
                                          length);
        });
    ControlResult result = result_of(ControlKind::kCrop);
    const auto blocks = paired_blocks(last_true_losses(targets_), cropped, targets_);
    result.figure = mean_of(blocks);
    result.interval = interval_of_mean(blocks);
    result.passed = result.interval && result.interval->high < 0;
    return result;
  }

  ControlResult foreign_prefix() {
    const int64_t replaced = options_.length - options_.original_window;
    const Losses foreign = losses_of(inputs_.score, options_.length, targets_, ControlKind::kForeignPrefix,
                                     [&](const ScoredWindow& window, int64_t index) {
                                       std::vector<int32_t> tokens = tokens_of(window);
                                       const std::vector<int32_t> other = foreign_text(
                                           inputs_.documents, window, options_.length, replaced, index);
                                       std::ranges::copy(other, tokens.begin() + std::ssize(options_.start));
                                       return tokens;
                                     });
    ControlResult result = result_of(ControlKind::kForeignPrefix);
    const auto blocks = paired_blocks(foreign, last_true_losses(targets_), targets_);
    result.figure = mean_of(blocks);
    result.interval = interval_of_mean(blocks);
    result.passed = result.interval && result.interval->low > 0;
    return result;
  }

  ControlResult repetition() {
    const int64_t targets = layout_.targets(), passage = layout_.passage;
    const Losses repeated = losses_of(
        inputs_.score, options_.length, targets, ControlKind::kRepetition,
        [&](const ScoredWindow& window, int64_t) { return with_copies(tokens_of(window), layout_); });
    const Losses plain = last_true_losses(targets);
    ControlResult result = result_of(ControlKind::kRepetition);
    result.passed = true;
    for (int64_t k = 0; k < std::ssize(layout_.distances); ++k) {
      const auto of_passage = [&](const Losses& losses) {
        Losses part;
        for (size_t w = 0; w < windows_.size(); ++w) {
          const auto begin = losses.begin() + static_cast<int64_t>(w) * targets + k * passage;
          part.insert(part.end(), begin, begin + passage);
        }
        return part;
      };
      const auto blocks = paired_blocks(of_passage(plain), of_passage(repeated), passage);
      const DistanceGain gain{layout_.distances[static_cast<size_t>(k)], mean_of(blocks),
                              interval_of_mean(blocks)};
      if (result.distances.empty() || gain.gain < result.figure) {
        result.figure = gain.gain;
        result.interval = gain.interval;
      }
      result.passed = result.passed && gain.interval && gain.interval->low > 0;
      result.distances.push_back(gain);
    }
    return result;
  }

  ControlResult confusable_keys() {
    ROPEWAY_CHECK(inputs_.tokenizer != nullptr, "{} without a tokenizer",
                  purpose(ControlKind::kConfusableKeys));
    const RetrievalResult needles = evaluate_needles(inputs_.score, inputs_.documents, *inputs_.tokenizer,
                                                     {.length = options_.length,
                                                      .needles = options_.needles,
                                                      .passes = options_.windows,
                                                      .seed = options_.seed,
                                                      .start = options_.start,
                                                      .keys = KeyKind::kConfusable});
    ControlResult result{.kind = ControlKind::kConfusableKeys,
                         .figure = needles.accuracy,
                         .interval = needles.interval,
                         .windows = needles.passes,
                         .least = 1.0 / static_cast<double>(kConfusableGroup)};
    result.passed = result.interval && result.interval->low > result.least;
    return result;
  }

  const ControlInputs& inputs_;
  const ControlOptions& options_;
  const int64_t targets_;  // of crop and foreign_prefix
  const RepetitionLayout layout_;
  const std::vector<ScoredWindow> windows_;
  Losses true_losses_;
};

}  // namespace

std::vector<ControlResult> run_controls(const std::vector<ControlKind>& kinds, const ControlInputs& inputs,
                                        const ControlOptions& options) {
  const int64_t window = options.original_window;
  if (window < kLeastWindow || options.length <= window) {
    fail(ErrorKind::kConfig,
         "controls at length {}: wanted more than the original window, {}, of at least {}", options.length,
         window, kLeastWindow);
  }
  require_document_of(inputs.documents, options.length, fmt::format("controls at length {}", options.length));
  Controls controls(inputs, options);
  std::vector<ControlResult> results;
  for (const ControlKind kind : kinds) results.push_back(controls.run(kind));
  return results;
}

ControlPasses control_passes(const std::vector<ControlKind>& kinds, int64_t windows) {
  ControlPasses passes;
  bool compares = false;  // with the windows as they are, which are scored once
  for (const ControlKind kind : kinds) {
    (kind == ControlKind::kCrop ? passes.at_window : passes.at_length) += windows;
    compares = compares || kind != ControlKind::kConfusableKeys;
  }
  if (compares) passes.at_length += windows;
  return passes;
}

}  // namespace ropeway
