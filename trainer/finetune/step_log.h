// What a training stage tells of its steps: a record in metrics.jsonl, a line on the terminal, a warning where a
// step stands out.
#pragma once

#include <deque>
#include <string>

#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/train_checkpoint.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/finetune/train_step.h"
#include "trainer/report/progress_line.h"

namespace ropeway {

class StepLog {
 public:
  StepLog(const TrainRecipe& options, const TrainContext& context);

  // `state` after the step.
  void report(const TrainStep& step, const TrainState& state, const StepMemory& memory);
  void tell_of_spike(const TrainStep& step, const std::string& consequence) const;
  void finish() { progress_.finish(); }

 private:
  static constexpr size_t kRecentSteps = 50;
  double seconds_of_steps(int64_t steps) const;

  const TrainRecipe& options_;
  const TrainContext& context_;
  double flops_per_rank_ = 0;  // of a step
  std::deque<double> recent_seconds_;
  ProgressLine progress_;
};

}  // namespace ropeway
