// When a training stage saves, and how it stops. Checkpoints are written beside the steps that follow: what is to
// be saved is copied in host memory, and a thread writes it (checkpoint/background_save.h). One that a stop or
// the end of the stage waits for is written from where it lies, and so is one for whose copies a host has
// no room.
#pragma once

#include <chrono>
#include <cstdint>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/checkpoint/background_save.h"
#include "trainer/finetune/train_checkpoint.h"
#include "trainer/finetune/train_loop.h"

namespace ropeway {

class TrainSaving {
 public:
  // newest: step of the stage's newest checkpoint; 0: there is none. Collective, as all else here.
  TrainSaving(const TrainRecipe& options, const TrainContext& context, const ShardedAdamW& optimizer,
              int64_t newest);

  // After a step: true once a requested stop has saved what is there. Throws what a save that failed threw, of
  // this step or of one before.
  bool after_step(const TrainState& state);
  // After a step was abandoned, with nothing of it applied.
  void save_before_stop(const TrainState& state);
  // Waits for what is in flight.
  void finish();

  void tell_cost() const;  // a line in the log

  int64_t newest() const { return newest_; }  // in flight or there
  SavingCost cost() const { return cost_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Agreed {
    bool stop, due, failed;
  };
  Agreed agree(const TrainState& state);
  void save(const TrainState& state);
  void save_beside(const TrainState& state);
  bool has_room_for_copies();
  void collect();
  bool rank_0() const { return context_.mesh->world().rank() == 0; }

  const TrainRecipe& options_;
  const TrainContext& context_;
  const ShardedAdamW& optimizer_;
  int64_t newest_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;  // when the newest was begun
  SavingCost cost_;
  bool told_of_room_ = false;
  HostCopies copies_;  // outlives the thread that writes them
  BackgroundSave background_;
};

}  // namespace ropeway
