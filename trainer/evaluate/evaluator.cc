#include "trainer/evaluate/evaluator.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/config/lengths.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/example_perplexity.h"
#include "trainer/report/progress_line.h"
#include "trainer/report/reporter.h"

namespace ropeway {
namespace {

// At lengths within the original window there is nothing to control.
bool has_controls(const EvaluationCell& cell, const EvaluationTasks& tasks) {
  return !tasks.controls.empty() && cell.length > cell.factors.original_length;
}

// Told of every sequence that is scored: what is done, and how far.
using TellScored = std::function<void(const std::string& purpose, int64_t done, int64_t count)>;

ScoreSequences telling_scores(const EvaluationInputs& inputs, const FactorSet& factors,
                              const TellScored& tell) {
  const ScoreSequences score = scores_of(inputs.model, inputs.mesh, factors);
  return [score, tell](const SequenceSet& sequences, const std::string& purpose, const UseScore& use) {
    score(sequences, purpose, [&](int64_t index, const SequenceScore& scored) {
      use(index, scored);
      tell(purpose, index + 1, sequences.count);
    });
  };
}

std::vector<ControlResult> control_cell(const EvaluationInputs& inputs, const EvaluationCell& cell,
                                        const EvaluationTasks& tasks, const MarkedDocuments& documents,
                                        const TellScored& tell) {
  const FactorSet& at_window = cell.window_factors ? *cell.window_factors : cell.factors;
  return run_controls(tasks.controls,
                      {.score = telling_scores(inputs, cell.factors, tell),
                       .score_crop = telling_scores(inputs, at_window, tell),
                       .documents = documents,
                       .tokenizer = inputs.tokenizer},
                      {.length = cell.length,
                       .original_window = cell.factors.original_length,
                       .windows = tasks.control_windows,
                       .needles = tasks.needles_in_a_pass,
                       .seed = tasks.seed,
                       .start = tasks.start});
}

CellFigures evaluate_cell(const EvaluationInputs& inputs, const EvaluationCell& cell,
                          const EvaluationTasks& tasks, const TellScored& tell) {
  const ScoreSequences score = telling_scores(inputs, cell.factors, tell);
  CellFigures figures;
  if (tasks.perplexity && holds_examples(inputs.documents)) {
    figures.perplexity = evaluate_examples(score, inputs.documents,
                                           {.length = cell.length,
                                            .max_examples = tasks.windows,
                                            .keep_token_nll = tasks.keep_token_nll,
                                            .marks = {tasks.start, tasks.end}});
  } else if (tasks.perplexity) {
    PerplexityOptions options = perplexity_options(cell.length, tasks);
    options.tokenizer = inputs.tokenizer;
    figures.perplexity = evaluate_perplexity(score, inputs.documents, options);
  }
  const bool needs_tokenizer = tasks.passkey || tasks.needles;
  ROPEWAY_CHECK(!needs_tokenizer || inputs.tokenizer != nullptr, "{}: passkeys without a tokenizer",
                cell.name);
  if (tasks.passkey) {
    figures.passkey = evaluate_passkey(score, inputs.documents, *inputs.tokenizer,
                                       {.length = cell.length,
                                        .depths = tasks.passkey_depths,
                                        .samples_per_depth = tasks.passkey_samples,
                                        .seed = tasks.seed,
                                        .start = tasks.start,
                                        .haystack = tasks.haystack});
  }
  const MarkedDocuments framed(inputs.documents, {tasks.start, {}});
  if (tasks.needles) {
    figures.needles = evaluate_needles(score, framed, *inputs.tokenizer,
                                       {.length = cell.length,
                                        .needles = tasks.needles_in_a_pass,
                                        .passes = tasks.needle_passes,
                                        .seed = tasks.seed,
                                        .start = tasks.start});
  }
  if (has_controls(cell, tasks)) figures.controls = control_cell(inputs, cell, tasks, framed, tell);
  return figures;
}

// "scores: 64K: used 3 documents, 1.2M tokens; 9 shorter than 64K were left out", for each such length.
void tell_what_is_left_out(const Documents& documents, const std::vector<EvaluationCell>& cells,
                           const EvaluationTasks& tasks, const std::string& name) {
  if (holds_examples(documents)) {
    const MarkedDocuments examples(documents, {tasks.start, tasks.end});
    std::set<int64_t> lengths;
    for (const EvaluationCell& cell : cells) lengths.insert(cell.length);
    for (const int64_t length : lengths) {
      log_info("{}: {}: {}", name, format_length(length), used_examples(examples, length));
    }
    return;
  }
  const MarkedDocuments framed(documents, {tasks.start, {}});
  int64_t shortest = std::numeric_limits<int64_t>::max();
  for (size_t d = 0; d < framed.count(); ++d) shortest = std::min(shortest, framed.size(d));
  std::set<int64_t> lengths;
  for (const EvaluationCell& cell : cells) {
    if (cell.length > shortest) lengths.insert(cell.length);
  }
  for (const int64_t length : lengths) {
    log_info("{}: {}: {}", name, format_length(length), used_documents(framed, length));
  }
}

std::string reach_of(const std::optional<Interval>& interval) {
  return interval ? fmt::format(" ({:.4f} to {:.4f})", interval->low, interval->high) : "";
}
std::string percent(const std::string& what, double share, const std::optional<Interval>& interval) {
  const std::string reach =
      interval ? fmt::format(" ({:.0f} to {:.0f}%)", 100 * interval->low, 100 * interval->high) : "";
  return fmt::format(" {} {:.0f}%{}", what, 100 * share, reach);
}

std::string summary(const EvaluatedCell& evaluated) {
  const auto& [cell, figures] = evaluated;
  std::string text = fmt::format("{} at {}:", cell.name, cell.length);
  if (const auto& p = figures.perplexity) {
    text += fmt::format(" {:.4f} nats/token{}", p->nll, reach_of(p->nll_interval));
  }
  if (const auto& k = figures.passkey) text += percent("passkey", k->accuracy, k->interval);
  if (const auto& n = figures.needles) text += percent("needles", n->accuracy, n->interval);
  for (const ControlResult& control : figures.controls) {
    text += fmt::format(" {} {}", word_of(control.kind), control.passed ? "passed" : "FAILED");
  }
  return text;
}

}  // namespace

int64_t windows_at(int64_t length, const EvaluationTasks& tasks) {
  if (tasks.tokens == 0) return tasks.windows;
  const int64_t windows = std::max<int64_t>(1, tasks.tokens / length);
  return tasks.windows == 0 ? windows : std::min(windows, tasks.windows);
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

std::string length_warning(const EvaluationCell& cell) {
  const FactorSet& set = cell.factors;
  if (cell.length > set.max_length && set.name != kOriginalRope) {
    return fmt::format("{} is for {} tokens at most and evaluated at {}", cell.name, set.max_length,
                       cell.length);
  }
  if (cell.length < set.original_length) {
    return fmt::format("{} tokens are fewer than the {} that the model was trained at", cell.length,
                       set.original_length);
  }
  return "";
}

std::vector<EvaluatedCell> evaluate_cells(const EvaluationInputs& inputs,
                                          const std::vector<EvaluationCell>& cells,
                                          const EvaluationTasks& tasks, const EvaluationControl& control) {
  Communicator& world = inputs.mesh.world();
  if (world.rank() == 0) tell_what_is_left_out(inputs.documents, cells, tasks, control.name);
  ProgressLine progress(world.rank() == 0);
  std::vector<EvaluatedCell> results;
  size_t found = 0;
  for (const EvaluationCell& cell : cells) {
    const std::optional<CellFigures> known =
        control.kept == nullptr ? std::nullopt : control.kept->find(cell, tasks);
    const bool finished_earlier = known.has_value();
    if (finished_earlier) {
      results.push_back({cell, *known});
      ++found;
    } else {
      progress.update(control.name, std::ssize(results), std::ssize(cells),
                      fmt::format("{} tokens, factors {}", cell.length, cell.name));
      const TellScored tell = [&](const std::string& purpose, int64_t done, int64_t count) {
        progress.update(control.name, std::ssize(results), std::ssize(cells),
                        fmt::format("factors {}, {}: {} of {}", cell.name, purpose, done, count));
      };
      results.push_back({cell, evaluate_cell(inputs, cell, tasks, tell)});
      if (control.kept != nullptr) control.kept->add(results.back(), tasks);
    }
    if (control.finished) control.finished(results.back());
    progress.update(control.name, std::ssize(results), std::ssize(cells), summary(results.back()));
    if (!finished_earlier && any_rank(world, control.stop_requested && control.stop_requested())) {
      progress.finish();
      fail(ErrorKind::kStopped, control.kept == nullptr ? WayOut::kNone : WayOut::kRunAgain,
           "{}: stopped on request after {} of {} evaluations", control.name, results.size(), cells.size());
    }
  }
  progress.finish();
  if (found > 0 && world.rank() == 0) {
    log_info("{}: {} of {} evaluations were finished earlier", control.name, found, cells.size());
  }
  return results;
}

}  // namespace ropeway
