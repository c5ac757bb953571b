#include "trainer/evaluate/evaluator.h"

#include <algorithm>
#include <limits>
#include <set>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/config/lengths.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/example_perplexity.h"
#include "trainer/report/reporter.h"

namespace ropeway {
namespace {

// At lengths within the original window there is nothing to control.
bool has_controls(const EvaluationCell& cell, const EvaluationTasks& tasks) {
  return !tasks.controls.empty() && cell.length > cell.factors.original_length;
}

std::vector<ControlResult> control_cell(const EvaluationInputs& inputs, const EvaluationCell& cell,
                                        const EvaluationTasks& tasks, const MarkedDocuments& documents,
                                        const CellTools& tools) {
  const FactorSet& at_window = cell.window_factors ? *cell.window_factors : cell.factors;
  return run_controls(tasks.controls,
                      {.score = tools.scores(cell.factors),
                       .score_crop = tools.scores(at_window),
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
                          const EvaluationTasks& tasks, const CellTools& tools) {
  const ScoreSequences score = tools.scores(cell.factors);
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
  if (has_controls(cell, tasks)) figures.controls = control_cell(inputs, cell, tasks, framed, tools);
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

std::vector<EvaluatedCell> evaluate_cells(const EvaluationInputs& inputs,
                                          const std::vector<EvaluationCell>& cells,
                                          const EvaluationTasks& tasks, const EvaluationControl& control) {
  if (inputs.mesh.world().rank() == 0) {
    tell_what_is_left_out(inputs.documents, cells, tasks, control.walk.name);
  }
  std::vector<EvaluatedCell> results;
  const auto at = [&](int64_t cell) -> const EvaluationCell& { return cells[static_cast<size_t>(cell)]; };
  walk_cells(
      inputs.model, inputs.mesh, control.walk, control.kept != nullptr,
      {.count = std::ssize(cells),
       .take_kept =
           [&](int64_t cell) {
             if (control.kept == nullptr) return false;
             auto known = control.kept->find(at(cell), tasks);
             if (known) results.push_back({at(cell), *std::move(known)});
             return known.has_value();
           },
       .run =
           [&](int64_t cell, const CellTools& tools) {
             results.push_back({at(cell), evaluate_cell(inputs, at(cell), tasks, tools)});
             if (control.kept != nullptr) control.kept->add(results.back(), tasks);
           },
       .finished =
           [&](int64_t) {
             if (control.finished) control.finished(results.back());
           },
       .describe =
           [&](int64_t cell) { return fmt::format("{} tokens, factors {}", at(cell).length, at(cell).name); },
       .summary = [&](int64_t) { return summary(results.back()); }});
  return results;
}

}  // namespace ropeway
