// One step of training: forward and backward over the step's windows, the sum of the gradients over all ranks,
// and the update, unless the step's numbers speak against it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/finetune/number_check.h"
#include "trainer/finetune/spike_watch.h"
#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/model/local_batch.h"

namespace ropeway {

struct TrainStep {
  int64_t number = 0;  // from 1
  double loss = 0;     // of all ranks' tokens, before the update
  double learning_rate = 0;
  double weight = 0;         // of all ranks' scored tokens
  int64_t first_window = 0;  // of all ranks
  bool finite = true;        // loss and gradient norm
  NonFiniteShare own;        // where they are not
  Spike spike;
  ShardedAdamW::StepResult update{};
  std::chrono::steady_clock::time_point start{};
};

// Zero moments, masters from the weights.
ShardedAdamW make_optimizer(const TrainContext& context);

// Takes steps. Keeps references to all it is given.
class StepRunner {
 public:
  StepRunner(const TrainRecipe& options, const TrainContext& context, ShardedAdamW& optimizer,
             StepMemory& memory)
      : options_(options), context_(context), optimizer_(optimizer), memory_(memory) {}

  // Collective. The step's number, from 1; the first of its windows; the steps before it that it is compared
  // with. Throws Abandoned, before anything is updated, where context.stop says so.
  TrainStep take(int64_t number, int64_t first_window, const SpikeWatch& spikes);

 private:
  double global_weight(const std::vector<LocalBatch>& batches, int64_t step);
  bool accepts(TrainStep& step, const SpikeWatch& spikes, double own_loss, double gradient_norm);

  const TrainRecipe& options_;
  const TrainContext& context_;
  ShardedAdamW& optimizer_;
  StepMemory& memory_;
};

}  // namespace ropeway
