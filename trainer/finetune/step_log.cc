#include "trainer/finetune/step_log.h"

#include <sys/resource.h>

#include <chrono>

#include "kernels/base/log.h"

namespace ropeway {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace

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
  context_.reporter->step({.stage = context_.stage_name,
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
                           .slowest_speed = step.slowest ? step.slowest->speed : 1});
  progress_.update(context_.stage_name, step.number, options_.steps,
                   fmt::format("loss {:.4f}  grad {:.2f}  lr {:.2e}  {:.0f} tok/s", step.loss,
                               step.update.gradient_norm, step.learning_rate, tokens_per_second));
}

}  // namespace ropeway
