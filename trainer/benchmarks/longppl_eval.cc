#include "trainer/benchmarks/longppl_eval.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

// A short context and the targets behind it, in tokens of a window's text.
struct ShortContext {
  size_t window = 0;
  int64_t begin = 0;    // of the context
  int64_t targets = 0;  // behind it
};

std::vector<ShortContext> short_contexts(size_t windows, int64_t text, const LongPplOptions& options) {
  std::vector<ShortContext> contexts;
  for (size_t w = 0; w < windows; ++w) {
    for (int64_t begin = 0; begin + options.short_tokens < text; begin += options.stride) {
      contexts.push_back({w, begin, std::min(options.stride, text - begin - options.short_tokens)});
    }
  }
  return contexts;
}

using Losses = std::vector<std::vector<double>>;  // [window][token of it], nats; 0 where it is not known

// Of every token but the first, behind all before it.
Losses long_losses(const ScoreSequences& score, const std::vector<std::vector<int32_t>>& windows,
                   const LongPplOptions& options) {
  Losses losses(windows.size(), std::vector<double>(static_cast<size_t>(options.length), 0.0));
  const SequenceSet sequences = {std::ssize(windows), options.length, [&](int64_t index) {
                                   return SequenceToScore{windows[static_cast<size_t>(index)], 0};
                                 }};
  score(sequences, fmt::format("long context of {}", options.length),
        [&](int64_t index, const SequenceScore& scored) {
          std::copy(scored.nll.begin(), scored.nll.end(), losses[static_cast<size_t>(index)].begin() + 1);
        });
  return losses;
}

// Of the tokens that stand behind a short context. Contexts whose stride is cut off at the window's end are
// filled up, which no target sees.
Losses short_losses(const ScoreSequences& score, const std::vector<std::vector<int32_t>>& windows,
                    const LongPplOptions& options) {
  const auto marks = std::ssize(options.start);
  const std::vector<ShortContext> contexts = short_contexts(windows.size(), options.length - marks, options);
  const int64_t length = marks + options.short_tokens + options.stride;
  Losses losses(windows.size(), std::vector<double>(static_cast<size_t>(options.length), 0.0));
  const auto tokens_of = [&](int64_t index) {
    const ShortContext& context = contexts[static_cast<size_t>(index)];
    const auto text = windows[context.window].begin() + marks + context.begin;
    SequenceToScore sequence = {options.start, marks + options.short_tokens - 1};
    sequence.tokens.insert(sequence.tokens.end(), text, text + options.short_tokens + context.targets);
    sequence.tokens.resize(static_cast<size_t>(length), sequence.tokens.back());
    return sequence;
  };
  score({std::ssize(contexts), length, tokens_of}, fmt::format("short context of {}", options.short_tokens),
        [&](int64_t index, const SequenceScore& scored) {
          const ShortContext& context = contexts[static_cast<size_t>(index)];
          const auto first = scored.nll.begin() + marks + options.short_tokens - 1;
          std::copy(first, first + context.targets,
                    losses[context.window].begin() + marks + context.begin + options.short_tokens);
        });
  return losses;
}

KeyTokensOfWindows compare(const Losses& behind_all, const Losses& behind_short,
                           const LongPplOptions& options) {
  const auto first = static_cast<size_t>(std::ssize(options.start) + options.short_tokens);
  KeyTokensOfWindows keys(behind_all.size());
  for (size_t w = 0; w < behind_all.size(); ++w) {
    const auto is_key =
        find_key_tokens(std::span(behind_all[w]).subspan(first), std::span(behind_short[w]).subspan(first),
                        options.gain, options.floor);
    for (size_t i = 0; i < is_key.size(); ++i) {
      if (is_key[i]) keys[w].push_back(static_cast<int64_t>(first + i));
    }
  }
  return keys;
}

}  // namespace

std::vector<bool> find_key_tokens(std::span<const double> loss_long, std::span<const double> loss_short,
                                  double gain, double floor) {
  ROPEWAY_CHECK(loss_long.size() == loss_short.size(), "{} and {} losses", loss_long.size(),
                loss_short.size());
  std::vector<bool> keys;
  for (size_t i = 0; i < loss_long.size(); ++i) {
    keys.push_back(loss_short[i] - loss_long[i] > gain && loss_long[i] < -floor);
  }
  return keys;
}

std::vector<std::vector<int32_t>> longppl_windows(const Documents& documents, const LongPplOptions& options) {
  const MarkedDocuments framed(documents, {options.start, {}});
  if (options.length <= std::ssize(options.start) + options.short_tokens) {
    fail(ErrorKind::kConfig, "LongPPL at length {}: wanted more than the short context of {} tokens",
         options.length, options.short_tokens);
  }
  require_document_of(framed, options.length, fmt::format("LongPPL at length {}", options.length));
  const int64_t limit =
      options.max_windows > 0 ? options.max_windows : disjoint_windows(framed, options.length);
  return whole_document_windows(framed, options.length, limit);
}

KeyTokensOfWindows key_tokens_of(const ScoreSequences& evaluator,
                                 const std::vector<std::vector<int32_t>>& windows,
                                 const LongPplOptions& options) {
  const Losses behind_all = long_losses(evaluator, windows, options);
  return compare(behind_all, short_losses(evaluator, windows, options), options);
}

LongPplResult evaluate_longppl(const ScoreSequences& score, const std::vector<std::vector<int32_t>>& windows,
                               const LongPplOptions& options, const KeyTokensOfWindows* keys) {
  const Losses losses = long_losses(score, windows, options);
  KeyTokensOfWindows own;
  if (keys == nullptr) {
    own = compare(losses, short_losses(score, windows, options), options);
    keys = &own;
  }
  const auto marks = std::max<int64_t>(1, std::ssize(options.start));
  LongPplResult result;
  result.windows = std::ssize(windows);
  result.targets = result.windows * (options.length - std::ssize(options.start) - options.short_tokens);
  std::map<int64_t, LossAtDistance> by_distance;
  double of_keys = 0, of_all = 0;
  int64_t all = 0;
  for (size_t w = 0; w < windows.size(); ++w) {
    for (const int64_t token : (*keys)[w]) of_keys += losses[w][static_cast<size_t>(token)];
    result.key_tokens += std::ssize((*keys)[w]);
    for (int64_t i = marks; i < options.length; ++i) {
      const double loss = losses[w][static_cast<size_t>(i)];
      const auto from = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(i)));
      LossAtDistance& bucket = by_distance[from];
      bucket.from = from;
      bucket.to = std::min(2 * from, options.length);
      bucket.nll += loss;
      ++bucket.targets;
      of_all += loss;
      ++all;
    }
  }
  if (result.key_tokens > 0) result.longppl = std::exp(of_keys / static_cast<double>(result.key_tokens));
  result.perplexity = std::exp(of_all / static_cast<double>(all));
  for (auto& [from, bucket] : by_distance) {
    bucket.nll /= static_cast<double>(bucket.targets);
    result.by_distance.push_back(bucket);
  }
  return result;
}

}  // namespace ropeway
