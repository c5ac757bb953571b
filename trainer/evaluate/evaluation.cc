#include "trainer/evaluate/evaluation.h"

#include <algorithm>
#include <map>

namespace ropeway {

EvaluationTasks tasks_of(const EvaluateRecipe& recipe, uint64_t seed, const DocumentMarks& marks) {
  return {.perplexity = recipe.measures(EvaluateTask::kPerplexity),
          .passkey = recipe.measures(EvaluateTask::kPasskey),
          .windows = recipe.windows,
          .tokens = recipe.tokens,
          .passkey_depths = recipe.passkey_depths,
          .passkey_samples = recipe.passkey_samples,
          .seed = seed,
          .start = marks.before,
          .end = marks.after,
          .aligned = recipe.aligned_lengths(),
          .stride = recipe.stride,
          .target_tokens = recipe.target_tokens,
          .haystack = recipe.haystack,
          .needles = recipe.measures(EvaluateTask::kNeedles),
          .needles_in_a_pass = recipe.needles,
          .needle_passes = recipe.needle_passes,
          .controls = recipe.controls,
          .control_windows = recipe.control_windows};
}

int64_t windows_at(int64_t length, const EvaluationTasks& tasks) {
  if (tasks.tokens == 0) return tasks.windows;
  const int64_t windows = std::max<int64_t>(1, tasks.tokens / length);
  return tasks.windows == 0 ? windows : std::min(windows, tasks.windows);
}

std::optional<int64_t> longppl_windows(const EvaluateRecipe& recipe) {
  if (!recipe.measures(EvaluateTask::kLongPpl)) return std::nullopt;
  return windows_at(std::ranges::max(recipe.lengths), {.windows = recipe.windows, .tokens = recipe.tokens});
}

PerplexityOptions perplexity_options(int64_t length, const EvaluationTasks& tasks) {
  PerplexityOptions options{.length = length,
                            .max_windows = windows_at(length, tasks),
                            .keep_token_nll = tasks.keep_token_nll,
                            .start = tasks.start,
                            .stride = tasks.stride,
                            .target_tokens = tasks.target_tokens};
  if (tasks.aligned.empty()) return options;
  const auto [shortest, longest] = std::ranges::minmax(tasks.aligned);
  options.align_to = std::max(longest, length);
  options.targets = std::min(shortest, length) - std::max<int64_t>(1, std::ssize(tasks.start));
  options.max_windows = windows_at(options.align_to, tasks);
  return options;
}

std::vector<ComparedCells> paired_differences(const std::vector<EvaluatedCell>& results,
                                              const EvaluationTasks& tasks) {
  std::vector<ComparedCells> compared;
  std::map<int64_t, size_t> first;  // of each length
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].figures.perplexity) first.try_emplace(results[i].cell.length, i);
  }
  const auto compare = [&](size_t cell, size_t against) {
    const auto difference =
        paired_difference(*results[cell].figures.perplexity, *results[against].figures.perplexity);
    if (cell != against && difference) compared.push_back({cell, against, *difference});
  };
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].figures.perplexity) compare(i, first.at(results[i].cell.length));
  }
  if (tasks.aligned.empty()) return compared;
  for (const auto& [length, cell] : first) compare(cell, first.begin()->second);
  return compared;
}

}  // namespace ropeway
