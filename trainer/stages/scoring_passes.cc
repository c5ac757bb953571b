#include "trainer/stages/scoring_passes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "trainer/evaluate/controls.h"
#include "trainer/stages/evaluation_cells.h"
#include "trainer/tasks/choice_task.h"

namespace ropeway {
namespace {

// Of perplexity, per factor set.
int64_t windows_of(const EvaluateRecipe& evaluate, int64_t length) {
  const std::vector<int64_t> aligned = evaluate.aligned_lengths();
  std::vector<int64_t> limits;
  if (evaluate.windows > 0) limits.push_back(evaluate.windows);
  if (evaluate.tokens > 0) limits.push_back(evaluate.tokens / (aligned.empty() ? length : aligned.back()));
  if (evaluate.target_tokens > 0) {
    const int64_t full = aligned.empty() ? length - 1 : aligned.front() - 1;
    const int64_t targets = evaluate.stride > 0 ? evaluate.stride : full;
    limits.push_back((evaluate.target_tokens + targets - 1) / targets);
  }
  return limits.empty() ? 1 : std::max<int64_t>(1, std::ranges::min(limits));
}

// What benchmarks take at one of the lengths, under one factor set.
std::vector<ScoringPasses> benchmark_passes(const EvaluateRecipe& evaluate, int64_t length) {
  const BenchmarkRecipe& benchmarks = evaluate.benchmarks;
  std::vector<ScoringPasses> passes;
  const auto ruler = static_cast<double>(benchmarks.ruler_samples * std::ssize(benchmarks.ruler));
  if (ruler > 0) passes.push_back({length, ruler});
  const int64_t beyond = length - benchmarks.longppl_short;
  if (evaluate.measures(EvaluateTask::kLongPpl) && beyond > 0) {
    const auto texts = static_cast<double>(std::max<int64_t>(1, evaluate.windows));
    const int64_t strides = (beyond + benchmarks.longppl_stride - 1) / benchmarks.longppl_stride;
    passes.push_back({length, texts});
    passes.push_back(
        {benchmarks.longppl_short + benchmarks.longppl_stride, texts * static_cast<double>(strides)});
  }
  return passes;
}

// Windows full of questions, at four bytes per token.
double windows_of_questions(const BenchmarkRecipe& benchmarks, int64_t window) {
  constexpr double kBytesPerToken = 4;
  double bytes = 0;
  for (const std::string& file : benchmarks.requests) {
    for (const ChoiceQuestion& question : read_choice_task(file, benchmarks.request_limit).questions) {
      for (const ChoiceOption& option : question.options) {
        bytes += static_cast<double>(option.context.size() + option.continuation.size());
      }
    }
  }
  return std::ceil(bytes / kBytesPerToken / static_cast<double>(window));
}

}  // namespace

std::vector<ScoringPasses> scoring_passes(const EvaluateRecipe& evaluate, const ModelConfig& config) {
  std::vector<ScoringPasses> all;
  for (const int64_t length : evaluate.lengths) {
    int64_t windows = 0, crops = 0;
    if (evaluate.measures(EvaluateTask::kPerplexity)) windows += windows_of(evaluate, length);
    if (evaluate.measures(EvaluateTask::kPasskey))
      windows += evaluate.passkey_depths * evaluate.passkey_samples;
    if (evaluate.measures(EvaluateTask::kNeedles)) windows += evaluate.needle_passes;
    if (length > config.original_window) {
      const ControlPasses controls = control_passes(evaluate.controls, evaluate.control_windows);
      windows += controls.at_length;
      crops = controls.at_window;
    }
    const int64_t cells = cells_at(config, evaluate.factors, length);
    const auto sets = static_cast<double>(cells);
    if (windows > 0 && cells > 0) all.push_back({length, static_cast<double>(windows) * sets});
    if (crops > 0 && cells > 0) all.push_back({config.original_window, static_cast<double>(crops) * sets});
    for (ScoringPasses passes : benchmark_passes(evaluate, length)) {
      passes.count *= sets;
      all.push_back(passes);
    }
  }
  const double questions = windows_of_questions(evaluate.benchmarks, config.original_window);
  const int64_t sets = std::max<int64_t>(1, cells_at(config, evaluate.factors, config.original_window));
  if (questions > 0) all.push_back({config.original_window, questions * static_cast<double>(sets)});
  return all;
}

bool is_limited(const EvaluateRecipe& evaluate) {
  const bool scores_text =
      evaluate.measures(EvaluateTask::kPerplexity) || evaluate.measures(EvaluateTask::kLongPpl);
  return !scores_text || evaluate.windows > 0 || evaluate.tokens > 0 || evaluate.target_tokens > 0;
}

}  // namespace ropeway
