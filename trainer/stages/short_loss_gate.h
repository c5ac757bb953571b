// The gate of an evaluate stage: how much worse short inputs may be than in an evaluation before it.
//
// Two figures are compared, each where both stages have it, and each by the best of the stage's factor sets:
//   loss      bits per byte at the original window, by how much it rose in proportion
//   accuracy  acc on the request files that both scored, their plain mean, by how much it fell in proportion
#pragma once

#include <optional>
#include <string>

#include "trainer/report/reporter.h"
#include "trainer/stages/run_state.h"

namespace ropeway {

struct ShortLoss {
  double before = 0, now = 0;
  double loss() const;  // of what it was: 0.01 is 1 % worse; negative: better
  bool is_accuracy = false;
};
struct ShortLosses {
  std::optional<ShortLoss> bits_per_byte, accuracy;
};
ShortLosses short_losses(const RunReport& report, const std::string& before, const std::string& now,
                         int64_t window);

// When the stage has done its work. Collective; nothing where the stage has no gate. Throws kGate with the figures when one is worse
// by more than the stage allows; the report is written before.
void apply_gate(const RunState& state, const StageRecipe& stage);

}  // namespace ropeway
