// What a training stage tells of its steps: a record in metrics.jsonl, a line on the terminal, a warning where a
// step stands out.
#pragma once

#include <string>

#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/train_checkpoint.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/finetune/train_step.h"
#include "trainer/report/progress_line.h"

namespace ropeway {

class StepLog {
 public:
  StepLog(const TrainRecipe& options, const TrainContext& context)
      : options_(options), context_(context), progress_(context.mesh->world().rank() == 0) {}

  // `state` after the step.
  void report(const TrainStep& step, const TrainState& state, const StepMemory& memory);
  void tell_of_spike(const TrainStep& step, const std::string& consequence) const;
  void finish() { progress_.finish(); }

 private:
  const TrainRecipe& options_;
  const TrainContext& context_;
  ProgressLine progress_;
};

}  // namespace ropeway
