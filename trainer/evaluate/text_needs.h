// What the tasks of an evaluation need of its text, for the stage of a recipe and for the command line alike.
#pragma once

#include <vector>

#include "trainer/config/benchmark_recipe.h"
#include "trainer/config/evaluate_choices.h"
#include "trainer/config/evaluate_recipe.h"

namespace ropeway {

class Documents;

struct TextTasks {
  bool perplexity = false, passkey = false, needles = false, longppl = false;
  Haystack haystack = Haystack::kText;  // of passkeys
  std::vector<ControlKind> controls = {};
  std::vector<RulerTask> ruler = {};
};
TextTasks text_tasks(const EvaluateRecipe& evaluate);

// Whether some task is made of whole texts; loss alone takes examples of instruction data as well.
bool needs_whole_texts(const TextTasks& tasks);
// Throws kBadData naming the file and the task for examples, where a task is made of whole texts.
void require_whole_texts(const Documents& documents, const TextTasks& tasks);

// Whether some task takes windows of the text itself, as long as the lengths of the evaluation.
bool reads_windows(const TextTasks& tasks);

}  // namespace ropeway
