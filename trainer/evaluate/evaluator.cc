#include "trainer/evaluate/evaluator.h"

#include <algorithm>
#include <limits>
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

CellFigures evaluate_cell(const EvaluationInputs& inputs, const EvaluationCell& cell,
                          const EvaluationTasks& tasks) {
  CellFigures figures;
  if (tasks.perplexity && holds_examples(inputs.documents)) {
    figures.perplexity = evaluate_examples(inputs.model, inputs.mesh, inputs.documents, cell.factors,
                                           {.length = cell.length,
                                            .max_examples = tasks.windows,
                                            .keep_token_nll = tasks.keep_token_nll,
                                            .marks = {tasks.start, tasks.end}});
  } else if (tasks.perplexity) {
    figures.perplexity = evaluate_perplexity(inputs.model, inputs.mesh, inputs.documents, cell.factors,
                                             {.length = cell.length,
                                              .max_windows = windows_at(cell.length, tasks),
                                              .keep_token_nll = tasks.keep_token_nll,
                                              .start = tasks.start});
  }
  if (tasks.passkey) {
    ROPEWAY_CHECK(inputs.tokenizer != nullptr, "{}: passkeys without a tokenizer", cell.name);
    figures.passkey =
        evaluate_passkey(inputs.model, inputs.mesh, inputs.documents, *inputs.tokenizer, cell.factors,
                         {.length = cell.length,
                          .depths = tasks.passkey_depths,
                          .samples_per_depth = tasks.passkey_samples,
                          .seed = tasks.seed,
                          .start = tasks.start});
  }
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

std::string summary(const EvaluatedCell& evaluated) {
  const auto& [cell, figures] = evaluated;
  std::string text = fmt::format("{} at {}:", cell.name, cell.length);
  if (figures.perplexity) text += fmt::format(" {:.4f} nats/token", figures.perplexity->nll);
  if (figures.passkey) text += fmt::format(" passkey {:.0f}%", 100 * figures.passkey->accuracy);
  return text;
}

}  // namespace

int64_t windows_at(int64_t length, const EvaluationTasks& tasks) {
  if (tasks.tokens == 0) return tasks.windows;
  const int64_t windows = std::max<int64_t>(1, tasks.tokens / length);
  return tasks.windows == 0 ? windows : std::min(windows, tasks.windows);
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
    const CellFigures* known = control.kept == nullptr ? nullptr : control.kept->find(cell, tasks);
    const bool finished_earlier = known != nullptr;
    if (finished_earlier) {
      results.push_back({cell, *known});
      ++found;
    } else {
      progress.update(control.name, std::ssize(results), std::ssize(cells),
                      fmt::format("{} tokens, factors {}", cell.length, cell.name));
      results.push_back({cell, evaluate_cell(inputs, cell, tasks)});
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
