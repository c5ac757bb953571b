// Whether the ranks still hold what they must: the same weights on all, the same tokens on those that share a
// sequence, and in memory what they put there. A copy that differs (a faulty memory, a host that reads other
// data) spoils the model without a word otherwise.
//
// Weights are compared just before an update, because the update overwrites all but a rank's own share with what the
// others send. A rank's moments have no copy elsewhere (sharded_adamw.h), so it compares those, and its weights, with
// what they were after the update before. That also tells which of two ranks is at fault.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/zero/sharded_adamw.h"
#include "trainer/finetune/train_loop.h"

namespace ropeway {

// What a rank brings to a step, sent with its loss.
struct ReplicaShare {
  uint64_t tokens = 0;   // fingerprint of its sequences
  uint64_t weights = 0;  // fingerprint; 0 on steps that do not compare them
  uint64_t changed = 0;  // 1: weights or moments are not what they were after the last update
};

// What is wrong, naming the ranks; "" if nothing is. ranks_per_sequence neighbours share each sequence.
std::string replica_fault(std::span<const ReplicaShare> shares, int ranks_per_sequence);

class ReplicaCheck {
 public:
  // Every so many steps of the context; keeps references.
  ReplicaCheck(const TrainContext& context, const ShardedAdamW& optimizer)
      : context_(context), optimizer_(optimizer) {}

  ReplicaShare before_update(int64_t step, uint64_t tokens);
  void after_update(int64_t step);
  void forget() { after_ = -1; }               // weights or moments were set by other means
  double seconds() const { return seconds_; }  // that comparing has taken
  // Throws kPeer, the same on every rank.
  void judge(int64_t step, std::span<const ReplicaShare> shares) const;

 private:
  bool compares(int64_t step) const;
  uint64_t with_optimizer(uint64_t weights) const;  // the rank's own state as one number

  const TrainContext& context_;
  const ShardedAdamW& optimizer_;
  int64_t after_ = -1;  // the step that `state_` is from
  uint64_t state_ = 0;
  double seconds_ = 0;
};

}  // namespace ropeway
