// The tasks that are done in every cell of an evaluation, and the figures that come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config/evaluate_recipe.h"
#include "trainer/data/document_marks.h"
#include "trainer/evaluate/controls.h"
#include "trainer/evaluate/keyed_needles.h"
#include "trainer/evaluate/passkey_eval.h"
#include "trainer/evaluate/perplexity.h"
#include "trainer/score/evaluation_cell.h"

namespace ropeway {

struct EvaluationTasks {
  bool perplexity = true, passkey = false;
  int64_t windows = 0;  // per length; 0: all that fit
  // At most tokens / length windows, so that every length scores the same text (aligned: tokens / longest
  // length); 0: no limit.
  int64_t tokens = 0;
  bool keep_token_nll = false;
  int64_t passkey_depths = 10, passkey_samples = 2;
  uint64_t seed = 0;                // of passkeys, needles and controls
  std::vector<int32_t> start = {};  // tokens in front of each window, such as a BOS
  std::vector<int32_t> end = {};    // behind a prompt's completion, such as an EOS: scored
  // All lengths whose windows end at the same places and score the same targets; empty: windows of a length
  // are disjoint and scored in full.
  std::vector<int64_t> aligned = {};
  int64_t stride = 0;         // sliding windows; 0: off
  int64_t target_tokens = 0;  // as few windows as score so many tokens; 0: no limit
  Haystack haystack = Haystack::kText;
  bool needles = false;
  int64_t needles_in_a_pass = 20, needle_passes = 10;
  std::vector<ControlKind> controls = {};  // at lengths above the original window
  int64_t control_windows = 8;
};

// What a recipe or a command asks for. marks: in front of each window, and behind a prompt's completion.
EvaluationTasks tasks_of(const EvaluateRecipe& recipe, uint64_t seed, const DocumentMarks& marks);

// Windows of `length` tokens to score at most; 0: all that fit.
int64_t windows_at(int64_t length, const EvaluationTasks& tasks);

// Windows of LongPPL at every length; nullopt: not asked for. Of windows that share a number of tokens, those
// of the longest length.
std::optional<int64_t> longppl_windows(const EvaluateRecipe& recipe);

// Where the windows of a length lie.
PerplexityOptions perplexity_options(int64_t length, const EvaluationTasks& tasks);

// Of one cell; empty where the task was not asked for.
struct CellFigures {
  std::optional<PerplexityResult> perplexity;
  std::optional<RetrievalResult> passkey, needles;
  std::vector<ControlResult> controls;
};

struct EvaluatedCell {
  EvaluationCell cell;
  CellFigures figures;
};

// Two cells that scored the same targets, by their places in the list.
struct ComparedCells {
  size_t cell = 0, against = 0;
  PairedDifference difference;
};
// Every cell against the first of its length; and, where windows of all lengths end at the same places, the
// first of each length against the first of the shortest.
std::vector<ComparedCells> paired_differences(const std::vector<EvaluatedCell>& results,
                                              const EvaluationTasks& tasks);

}  // namespace ropeway
