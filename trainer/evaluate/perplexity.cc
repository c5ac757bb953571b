#include "trainer/evaluate/perplexity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/text_bytes.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

constexpr int64_t kBlocks = 16;        // at least, where the targets allow it
constexpr int64_t kLeastTargets = 16;  // of a run

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// The last `targets` tokens of a window, cut into runs.
class RunCutter {
 public:
  RunCutter(const MarkedDocuments& documents, const Tokenizer* tokenizer, int64_t length, int64_t windows)
      : documents_(documents), tokenizer_(tokenizer), length_(length), windows_(windows) {}

  void cut(const ScoredWindow& window, std::span<const double> nll, int64_t targets,
           std::vector<TargetRun>& runs) const {
    const int64_t parts = windows_ >= kBlocks
                              ? 1
                              : std::clamp<int64_t>(targets / kLeastTargets, 1, (kBlocks - 1) / windows_ + 1);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = targets * part / parts, end = targets * (part + 1) / parts;
      const auto of_run =
          nll.last(static_cast<size_t>(targets - begin)).first(static_cast<size_t>(end - begin));
      runs.push_back({sum(of_run), end - begin, bytes(window, targets - begin, targets - end)});
    }
  }

 private:
  // Of the window's tokens from the `first`-last to before the `last`-last.
  double bytes(const ScoredWindow& window, int64_t first, int64_t last) const {
    const auto text = documents_.text(window.document);
    if (tokenizer_ == nullptr) {
      const double bytes_per_token = static_cast<double>(documents_.documents().bytes(window.document)) /
                                     static_cast<double>(text.size());
      return static_cast<double>(first - last) * bytes_per_token;
    }
    const int64_t end = window.begin + documents_.text_tokens(length_);
    return text_bytes(*tokenizer_, text, end - first, end - last);
  }

  const MarkedDocuments& documents_;
  const Tokenizer* tokenizer_;
  const int64_t length_, windows_;
};

double bytes_of(const std::vector<TargetRun>& runs) {
  double bytes = 0;
  for (const TargetRun& run : runs) bytes += run.bytes;
  return bytes;
}

enum class Per { kToken, kByte };
std::vector<LossBlock> blocks_of(const std::vector<TargetRun>& runs, Per per) {
  std::vector<LossBlock> blocks;
  for (const TargetRun& run : runs) {
    const auto tokens = static_cast<double>(run.targets);
    blocks.push_back(per == Per::kToken ? LossBlock{run.nll, tokens}
                                        : LossBlock{run.nll / std::log(2.0), run.bytes});
  }
  return joined_blocks(blocks);
}

}  // namespace

WindowRule rule_of(const PerplexityOptions& options) {
  return {.length = options.length,
          .align_to = options.align_to,
          .targets = options.targets,
          .stride = options.stride,
          .windows = options.max_windows,
          .target_tokens = options.target_tokens};
}

void add_means(const LossSums& sums, const std::vector<TargetRun>& tails, PerplexityResult& result) {
  result.nll = sums.total / static_cast<double>(result.predicted_tokens);
  result.perplexity = std::exp(result.nll);
  result.window_perplexity = std::exp(sums.means / static_cast<double>(result.windows));
  result.bits_per_byte = sums.total / std::log(2.0) / bytes_of(result.runs);
  result.tail_bits_per_byte = sums.tail / std::log(2.0) / bytes_of(tails);
  result.nll_interval = interval_of_mean(blocks_of(result.runs, Per::kToken));
  result.bits_interval = interval_of_mean(blocks_of(result.runs, Per::kByte));
  result.tail_bits_interval = interval_of_mean(blocks_of(tails, Per::kByte));
}

PerplexityResult evaluate_perplexity(const ScoreSequences& score, const Documents& documents,
                                     const PerplexityOptions& options) {
  const int64_t length = options.length;
  const std::string purpose = fmt::format("perplexity at length {}", length);
  if (length < 2) fail(ErrorKind::kConfig, "{}: wanted at least 2 tokens", purpose);
  ROPEWAY_CHECK(options.tail_tokens > 0, "tail_tokens {}", options.tail_tokens);
  require_texts(documents, purpose);
  const MarkedDocuments framed(documents, {options.start, {}});
  require_document_of(framed, std::max(length, options.align_to), purpose);
  const std::vector<ScoredWindow> windows = scored_windows(framed, rule_of(options));

  PerplexityResult result;
  result.length = length;
  result.windows = std::ssize(windows);
  double total = 0, tail_total = 0, means = 0;
  std::vector<TargetRun> tails;
  const RunCutter cutter(framed, options.tokenizer, length, result.windows);
  const SequenceSet sequences = {
      result.windows, length, [&](int64_t index) {
        const ScoredWindow& window = windows[static_cast<size_t>(index)];
        return SequenceToScore{framed.window(window.document, window.begin, length), window.score_from};
      }};
  score(sequences, purpose, [&](int64_t index, const SequenceScore& scored) {
    const ScoredWindow& window = windows[static_cast<size_t>(index)];
    const int64_t tail = std::min(options.tail_tokens, window.targets);
    const double nll = sum(scored.nll.last(static_cast<size_t>(window.targets)));
    total += nll;
    means += nll / static_cast<double>(window.targets);
    tail_total += sum(scored.nll.last(static_cast<size_t>(tail)));
    result.predicted_tokens += window.targets;
    cutter.cut(window, scored.nll, window.targets, result.runs);
    cutter.cut(window, scored.nll, tail, tails);
    if (options.keep_token_nll) {
      result.token_nll.insert(result.token_nll.end(), scored.nll.begin(), scored.nll.end());
    }
  });

  add_means({total, tail_total, means}, tails, result);
  return result;
}

PerplexityResult evaluate_perplexity(CausalLM& model, const Mesh& mesh, const Documents& documents,
                                     const FactorSet& factors, const PerplexityOptions& options) {
  return evaluate_perplexity(scores_of(model, mesh, factors), documents, options);
}

std::optional<Interval> perplexity_interval(const PerplexityResult& result) {
  if (!result.nll_interval) return std::nullopt;
  return Interval{std::exp(result.nll_interval->low), std::exp(result.nll_interval->high)};
}

std::optional<PairedDifference> paired_difference(const PerplexityResult& result,
                                                  const PerplexityResult& against) {
  if (result.runs.size() != against.runs.size() || result.windows != against.windows) return std::nullopt;
  std::vector<TargetRun> runs = result.runs;
  double nll = 0;
  int64_t targets = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].targets != against.runs[i].targets) return std::nullopt;
    runs[i].nll -= against.runs[i].nll;
    nll += runs[i].nll;
    targets += runs[i].targets;
  }
  return PairedDifference{.nll = nll / static_cast<double>(targets),
                          .bits_per_byte = nll / std::log(2.0) / bytes_of(runs),
                          .nll_interval = interval_of_mean(blocks_of(runs, Per::kToken)),
                          .bits_interval = interval_of_mean(blocks_of(runs, Per::kByte))};
}

}  // namespace ropeway
