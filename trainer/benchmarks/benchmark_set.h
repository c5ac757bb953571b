// The benchmarks that a stage or the command line asks for: their files, read before any work, and the cells
// they come to.
#pragma once

#include <optional>
#include <vector>

#include "trainer/benchmarks/choice_cells.h"
#include "trainer/benchmarks/longppl_cells.h"
#include "trainer/benchmarks/ruler_cells.h"
#include "trainer/config/benchmark_recipe.h"
#include "trainer/data/document_marks.h"

namespace ropeway {

class BenchmarkSet {
 public:
  // Throws what read_choice_task and read_ruler_questions throw, and kBadData for two files of one name.
  // longppl: of max_windows windows of each length; nullopt: not asked for.
  explicit BenchmarkSet(const BenchmarkRecipe& recipe, std::optional<int64_t> longppl = {});

  bool any() const { return recipe_.any() || longppl_; }
  // Whether a task's haystack is a text, which must then be among the inputs.
  bool needs_prose() const;
  // at_window: factor sets at the original window, for questions; at: at the lengths of the evaluation, for
  // the rest. Cells refer to this and to `inputs`. Throws kBadData for a text or questions that are not
  // there, and kConfig for a task that needs generation where there is none, or a prompt that the model has
  // no template for.
  std::vector<BenchmarkCell> cells(const BenchmarkInputs& inputs,
                                   const std::vector<EvaluationCell>& at_window,
                                   const std::vector<EvaluationCell>& at);

 private:
  const BenchmarkRecipe recipe_;
  const std::optional<int64_t> longppl_;
  std::vector<ChoiceTask> choices_;
  RulerSources sources_;  // prose: filled from the inputs
};

// What stands for a context that is empty: the BOS, else the EOS.
int32_t prefix_of(const NamedTokens& named);

}  // namespace ropeway
