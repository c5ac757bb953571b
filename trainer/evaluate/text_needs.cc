#include "trainer/evaluate/text_needs.h"

#include <string>

#include "kernels/base/error.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"
#include "trainer/tasks/ruler_sample.h"

namespace ropeway {
namespace {

// The first task that is made of whole texts, as an error names it; "": none is.
std::string task_of_whole_texts(const TextTasks& tasks) {
  if (tasks.passkey) return "passkey retrieval";
  if (tasks.needles) return "retrieval of needles";
  if (tasks.longppl) return "LongPPL";
  if (!tasks.controls.empty()) return fmt::format("the control {}", word_of(tasks.controls.front()));
  for (const RulerTask task : tasks.ruler) {
    if (traits_of(task).needs_prose) return fmt::format("RULER's {}", word_of(task));
  }
  return "";
}

}  // namespace

TextTasks text_tasks(const EvaluateRecipe& evaluate) {
  return {.perplexity = evaluate.measures(EvaluateTask::kPerplexity),
          .passkey = evaluate.measures(EvaluateTask::kPasskey),
          .needles = evaluate.measures(EvaluateTask::kNeedles),
          .longppl = evaluate.measures(EvaluateTask::kLongPpl),
          .haystack = evaluate.haystack,
          .controls = evaluate.controls,
          .ruler = evaluate.benchmarks.ruler};
}

bool needs_whole_texts(const TextTasks& tasks) { return !task_of_whole_texts(tasks).empty(); }

void require_whole_texts(const Documents& documents, const TextTasks& tasks) {
  const std::string task = task_of_whole_texts(tasks);
  if (!task.empty()) require_texts(documents, task);
}

bool reads_windows(const TextTasks& tasks) {
  return tasks.perplexity || tasks.needles || tasks.longppl || !tasks.controls.empty() ||
         (tasks.passkey && tasks.haystack == Haystack::kText);
}

}  // namespace ropeway
