// What a stage that evaluates says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/benchmark_recipe.h"
#include "trainer/config/choices.h"
#include "trainer/config/data_choices.h"
#include "trainer/config/evaluate_choices.h"

namespace ropeway {

// The model that is scored. kBase: the one the recipe began with.
enum class EvaluatedModel { kCurrent, kBase };
template <>
struct ChoiceTable<EvaluatedModel> {
  static constexpr Choice<EvaluatedModel> choices[] = {{EvaluatedModel::kBase, "base"}};
};

struct EvaluateRecipe {
  EvaluatedModel model = EvaluatedModel::kCurrent;
  std::vector<int64_t> lengths;
  std::vector<EvaluateTask> tasks = {EvaluateTask::kPerplexity, EvaluateTask::kPasskey};
  std::vector<std::string> factors = {"auto"};
  int64_t windows = 0;  // per length; 0: all that fit
  int64_t tokens = 0;   // at most tokens / length windows (aligned ends: of the longest length); 0: no limit
  int64_t target_tokens = 0;  // as few windows as score so many tokens; 0: no limit
  WindowAlignment align = WindowAlignment::kAuto;
  std::vector<int64_t> aligned_with;  // lengths of other stages whose windows end at the same places
  int64_t stride = 0;                 // a window begins every so many tokens and scores its last ones; 0: off
  int64_t passkey_depths = 10, passkey_samples = 2;
  Haystack haystack = Haystack::kText;  // of passkeys
  int64_t needles = 20;                 // keyed needles in a pass
  int64_t needle_passes = 10;
  std::vector<ControlKind> controls;
  int64_t control_windows = 8;         // of each control
  MarkChoice bos = MarkChoice::kAuto;  // in front of every window; kAuto: as in training
  BenchmarkRecipe benchmarks;

  bool measures(EvaluateTask task) const;
  // Lengths whose windows end at the same places; empty where they do not.
  std::vector<int64_t> aligned_lengths() const;
  // Tokens that some document of the test text has to have, where windows are cut from it.
  int64_t longest() const;
};

// The rule behind EvaluateRecipe::aligned_lengths(), for who has no recipe: `lengths`, ascending and each
// once, or none.
std::vector<int64_t> aligned_lengths(WindowAlignment align, int64_t stride, std::vector<int64_t> lengths);

}  // namespace ropeway
