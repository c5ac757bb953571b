// What an evaluation consists of: cells, each a factor set at a length, the tasks that are done in every
// cell, and the figures that come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/evaluate/controls.h"
#include "trainer/evaluate/keyed_needles.h"
#include "trainer/evaluate/passkey_eval.h"
#include "trainer/evaluate/perplexity.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct EvaluationCell {
  std::string name;  // in reports: "yarn", a set's name
  int64_t length = 0;
  FactorSet factors;
  // What the model takes at the original window, for the control that crops. Empty: `factors`.
  std::optional<FactorSet> window_factors = {};
};

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

// Of one cell; empty where the task was not asked for.
struct CellFigures {
  std::optional<PerplexityResult> perplexity;
  std::optional<PasskeyResult> passkey;
  std::optional<NeedlesResult> needles;
  std::vector<ControlResult> controls;
};

struct EvaluatedCell {
  EvaluationCell cell;
  CellFigures figures;
};

}  // namespace ropeway
