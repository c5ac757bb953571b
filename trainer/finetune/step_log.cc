#include "trainer/finetune/step_log.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "trainer/finetune/step_line.h"
#include "trainer/plan/work_model.h"

namespace ropeway {
namespace {

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace

// Model FLOPs, as they are counted for a share of the peak: what backward computes again is not among them.
StepLog::StepLog(const TrainRecipe& options, const TrainContext& context)
    : options_(options), context_(context), progress_(context.mesh->world().rank() == 0) {
  const ModelConfig& config = context.model->config();
  const Work work =
      pass_work(config, Pass::kTrain, options.length,
                {.save_attention = true, .kept_blocks = static_cast<double>(config.num_layers)});
  flops_per_rank_ =
      work.total() * static_cast<double>(options.batch_sequences) / context.mesh->world().size();
}

// As long as the steps of late took; the first step of a process also allocates.
double StepLog::seconds_of_steps(int64_t steps) const {
  std::vector<double> sorted(recent_seconds_.begin(), recent_seconds_.end());
  std::ranges::sort(sorted);
  double sum = 0;
  const size_t left_out = sorted.size() / 10;  // of each end: a step that saves or waits stands for no other
  for (size_t i = left_out; i < sorted.size() - left_out; ++i) sum += sorted[i];
  return sum / static_cast<double>(sorted.size() - 2 * left_out) * static_cast<double>(steps);
}

void StepLog::tell_of_spike(const TrainStep& step, const std::string& consequence) const {
  if (context_.mesh->world().rank() != 0) return;
  log_warning(
      "{}: step {}: {} {:.4g}, {:.0f} robust standard deviations above the {:.4g} of the steps before; "
      "windows {} to {}; {}",
      context_.stage_name, step.number, step.spike.of, step.spike.value, step.spike.deviations,
      step.spike.usual, step.first_window, step.first_window + options_.batch_sequences - 1, consequence);
}

void StepLog::report(const TrainStep& step, const TrainState& state, const StepMemory& memory) {
  const double seconds = seconds_since(step.start);
  const double tokens_per_second = static_cast<double>(options_.batch_sequences * options_.length) / seconds;
  StepRecord record{.stage = context_.stage_name,
                    .step = step.number,
                    .total_steps = options_.steps,
                    .loss = step.loss,
                    .learning_rate = step.learning_rate,
                    .gradient_norm = step.update.gradient_norm,
                    .tokens_per_second = tokens_per_second,
                    .seconds = seconds,
                    .peak_memory_bytes = peak_memory_bytes(),
                    .skipped_steps = state.skipped_steps,
                    .spikes = state.spikes,
                    .rollbacks = state.rollbacks,
                    .memory = memory.latest(),
                    .time = {{"data", step.times.data},
                             {"compute", step.times.compute},
                             {"ring_wait", step.times.ring_wait},
                             {"all_reduce", step.times.all_reduce},
                             {"optimizer", step.times.optimizer},
                             {"checkpoint", step.times.checkpoint}},
                    .slowest_rank = step.slowest ? step.slowest->rank : -1,
                    .slowest_speed = step.slowest ? step.slowest->speed : 1,
                    .attention_balance = step.attention_balance,
                    .attention_bytes_sent = step.attention_bytes_sent};
  record.peak_tflops = context_.peak_tflops;
  record.tflops_per_rank = flops_per_rank_ / seconds / 1e12;
  recent_seconds_.push_back(seconds);
  if (recent_seconds_.size() > kRecentSteps) recent_seconds_.pop_front();
  const int64_t left = options_.steps - step.number;
  context_.reporter->steps_left(context_.stage_name,
                                static_cast<double>(left) / static_cast<double>(options_.steps),
                                seconds_of_steps(left));
  record.seconds_left = context_.reporter->seconds_left();
  context_.reporter->step(record);
  progress_.update(context_.stage_name, step.number, options_.steps,
                   step_line(record, context_.mesh->world().size()));
}

}  // namespace ropeway
