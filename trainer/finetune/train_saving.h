// When a training stage saves, and how it stops.
#pragma once

#include <cstdint>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/finetune/train_checkpoint.h"
#include "trainer/finetune/train_loop.h"

namespace ropeway {

class TrainSaving {
 public:
  TrainSaving(const TrainRecipe& options, const TrainContext& context, const ShardedAdamW& optimizer,
              int64_t newest)
      : options_(options), context_(context), optimizer_(optimizer), newest_(newest) {}

  // Collective, after a step. True: a stop was requested, and what is there is saved.
  bool after_step(const TrainState& state);
  int64_t newest() const { return newest_; }  // step of the stage's newest checkpoint; 0: none

 private:
  void save(const TrainState& state);

  const TrainRecipe& options_;
  const TrainContext& context_;
  const ShardedAdamW& optimizer_;
  int64_t newest_;
};

}  // namespace ropeway
