// What an evaluation consists of: cells, each a factor set at a length, the tasks that are done in every cell,
// and the figures that come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/evaluate/passkey_eval.h"
#include "trainer/evaluate/perplexity.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct EvaluationCell {
  std::string name;  // in reports: "yarn", a set's name
  int64_t length = 0;
  FactorSet factors;
};

struct EvaluationTasks {
  bool perplexity = true, passkey = false;
  int64_t windows = 0;  // per length; 0: all that fit
  // At most tokens / length windows, so that every length scores the same text; 0: no limit.
  int64_t tokens = 0;
  bool keep_token_nll = false;
  int64_t passkey_depths = 10, passkey_samples = 2;
  uint64_t seed = 0;                // of the passkeys
  std::vector<int32_t> start = {};  // tokens in front of each window, such as a BOS
  std::vector<int32_t> end = {};    // behind a prompt's completion, such as an EOS: scored
};

// Of one cell; empty where the task was not asked for.
struct CellFigures {
  std::optional<PerplexityResult> perplexity;
  std::optional<PasskeyResult> passkey;
};

struct EvaluatedCell {
  EvaluationCell cell;
  CellFigures figures;
};

}  // namespace ropeway
