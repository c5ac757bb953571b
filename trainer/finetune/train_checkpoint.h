// What a training stage saves and how it finds its way back: weights, this rank's range of masters and
// moments, and a small state (step, factor set, data fingerprint, what was skipped and passed over). The data
// position needs no file: window i is a pure function of i.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/checkpoint/checkpoint_save.h"
#include "trainer/finetune/host_copies.h"
#include "trainer/finetune/spike_watch.h"
#include "trainer/finetune/train_loop.h"

namespace ropeway {

struct TrainState {
  int64_t step = 0;                   // steps finished
  int64_t skipped_steps = 0;          // of them without an update
  int64_t skipped_in_a_row = 0;       // the last ones
  int64_t spikes = 0, rollbacks = 0;  // so far
  // Steps' worth of windows that rollbacks passed over: step s takes the windows of step s + passed_over of a
  // training without any.
  int64_t passed_over = 0;
  SpikeHistory history;
  std::vector<double> recent_losses;  // of the last ten steps with an update, oldest first
};

// What a checkpoint of this moment holds, for save_checkpoint. The tensors are this rank's own, which the next step
// changes, or with `copies` those.
CheckpointContent checkpoint_content(const TrainContext& context, const ShardedAdamW& optimizer,
                                     const TrainState& state, HostCopies* copies);
// Host memory that `copies` of that content take beyond what they have, on this rank.
int64_t bytes_of_copies(const TrainContext& context, const ShardedAdamW& optimizer, const HostCopies& copies);
Retention retention_of(const TrainRecipe& options);

// Collective. Step 0 when there is no checkpoint. Throws kBadData when the one found belongs to another
// recipe, factor set or data, naming both.
TrainState restore_train_checkpoint(const TrainContext& context, ShardedAdamW& optimizer);

}  // namespace ropeway
