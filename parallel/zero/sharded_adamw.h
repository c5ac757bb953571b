// AdamW on flat parameters, its state sharded over all ranks (ZeRO stage 1; Rajbhandari et al. 2020): every
// rank holds all weights and gradients, and the masters and moments of its own contiguous range only. A step
// sums the gradients over the ranks, clips by the global norm, updates its own range, and gathers the new
// weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "kernels/ops/optim_ops.h"
#include "parallel/comm/collectives.h"
#include "parallel/zero/flat_ranges.h"
#include "parallel/zero/shard_range.h"

namespace ropeway {

struct ShardedAdamWOptions {
  // Moments in BF16 instead of acc type, which must be F32 then; not for beta2 above 0.99 (adamw.h).
  bool narrow_moments = false;
};

class ShardedAdamW {
 public:
  // exchange: of all ranks, over the memory that weights and gradients are in; must outlive the optimizer.
  // weights, gradients: flat, same length on every rank; weights identical on every rank. gradients in acc
  // type. When weights are in acc type they are their own masters. decayed: where weight decay applies.
  ShardedAdamW(Collectives& exchange, at::Tensor weights, at::Tensor gradients, FlatRanges decayed,
               const ShardedAdamWOptions& options = {});

  struct StepResult {
    double gradient_norm = 0;  // of the summed gradient, before clipping
    bool applied = false;      // false: the norm was not finite or not accepted, nothing was changed
  };
  // Whether a gradient of this norm, finite or not, makes an update. Asked once per step on every rank, while
  // the gradients still hold the sum over ranks; must answer the same on all.
  using Accept = std::function<bool(double gradient_norm)>;
  // Leaves the gradients zeroed. max_norm <= 0: no clipping. Without `accept` every finite norm is accepted.
  StepResult step(const ops::AdamWOptions& options, double max_norm, const Accept& accept = {});

  // The state of this rank's range, for checkpoints.
  FlatRange range() const { return range_; }
  int64_t total() const { return weights_.numel(); }  // of which range() is a part
  int64_t steps_taken() const { return step_; }
  at::Tensor master() const { return master_; }
  at::Tensor moment1() const { return moment1_; }
  at::Tensor moment2() const { return moment2_; }
  // Copies the three tensors of this rank's range and takes over the step count; the weights are written from
  // the masters. Throws kBadData when a tensor has another shape or type.
  void restore(const at::Tensor& master, const at::Tensor& moment1, const at::Tensor& moment2,
               int64_t steps_taken);

 private:
  void update_own_range(const ops::AdamWOptions& options, double gradient_scale);
  void gather_weights();

  Collectives& exchange_;
  at::Tensor weights_, gradients_;
  FlatRanges decayed_;
  at::Tensor master_, moment1_, moment2_;
  FlatRange range_;
  int64_t step_ = 0;
};

}  // namespace ropeway
