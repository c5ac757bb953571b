// One step of training: forward and backward over the step's windows, the sum of the gradients over all
// ranks, and the update, unless the step's numbers speak against it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/finetune/number_check.h"
#include "trainer/finetune/replica_check.h"
#include "trainer/finetune/spike_watch.h"
#include "trainer/finetune/step_memory.h"
#include "trainer/finetune/stragglers.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/model/local_batch.h"

namespace ropeway {

// Seconds by the host's clock: on a GPU, where the host runs ahead, what it waits for shows where it waits.
struct StepTimes {
  // The mean over ranks.
  double data = 0;       // windows drawn and cut
  double compute = 0;    // forward and backward, without what waits for other ranks:
  double ring_wait = 0;  // for keys and gradients that travel round the ring
  // Of this rank.
  double all_reduce = 0;  // waiting for other ranks in the step's collectives
  double optimizer = 0;   // without those
  double checkpoint = 0;  // what the save after the step before held up
};

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
  StepTimes times;
  std::optional<Stragglers::Slowest> slowest;
  // Of this rank's row, where it is of several ranks: the mean balance of its batches
  // (SequenceLayout::balance), and what this rank sent for attention.
  double attention_balance = 0;
  int64_t attention_bytes_sent = 0;
};

// Zero moments, masters from the weights.
ShardedAdamW make_optimizer(const TrainContext& context);

// Takes steps. Keeps references to all it is given.
class StepRunner {
 public:
  StepRunner(const TrainRecipe& options, const TrainContext& context, ShardedAdamW& optimizer,
             StepMemory& memory)
      : options_(options),
        context_(context),
        optimizer_(optimizer),
        memory_(memory),
        replicas_(context, optimizer) {}

  // Collective. The step's number, from 1; the first of its windows; the steps before it that it is compared
  // with. Throws Abandoned, before anything is updated, where context.stop says so.
  TrainStep take(int64_t number, int64_t first_window, const SpikeWatch& spikes);
  double seconds_of_comparing() const { return replicas_.seconds(); }  // the ranks' copies
  void rolled_back() { replicas_.forget(); }                           // weights and optimizer were set anew

 private:
  bool may_be_abandoned() const;
  double exchange(TrainStep& step, double own_loss, uint64_t tokens);
  void look_for_stragglers(TrainStep& step, const std::vector<double>& compute);
  double global_weight(const std::vector<LocalBatch>& batches, int64_t step);
  bool accepts(TrainStep& step, const SpikeWatch& spikes, double own_loss, double gradient_norm);

  const TrainRecipe& options_;
  const TrainContext& context_;
  ShardedAdamW& optimizer_;
  StepMemory& memory_;
  ReplicaCheck replicas_;
  Stragglers stragglers_;
};

}  // namespace ropeway
