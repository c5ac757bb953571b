// What a training step's tensors take, by what they are for: told by those who hold them, and for the rest by
// what the allocator was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/finetune/train_loop.h"
#include "trainer/model/memory_meter.h"

namespace ropeway {

class StepMemory {
 public:
  using Parts = std::vector<std::pair<std::string, int64_t>>;

  // Before gradients and optimizer are made; the weights are there already.
  explicit StepMemory(const TrainContext& context);
  void begin_step() { meter_.reset_peak(); }
  // Takes stock of the step since begin_step, whose largest micro-batch is `batch`: weights, gradients,
  // optimizer, checkpoints, ring, transients (all that is left of the peak).
  void end_step(const ShardedAdamW& optimizer, const LocalBatch& batch);
  const Parts& latest() const { return latest_; }    // of the last step that ended
  const Parts& highest() const { return highest_; }  // of the step that took most

 private:
  const TrainContext& context_;
  MemoryMeter meter_;
  const int64_t weights_before_;  // which the meter does not see
  int64_t highest_peak_ = -1;
  Parts latest_, highest_;
};

}  // namespace ropeway
