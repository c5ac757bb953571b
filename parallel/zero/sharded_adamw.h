// AdamW on flat parameters, its state sharded over all ranks (ZeRO; Rajbhandari et al. 2020): a rank has the
// masters and moments of its own pieces only. A step sums the gradients over the ranks, clips by the global
// norm, updates the own pieces, and hands the new weights to whoever holds copies of them. Which of weights
// and gradients a rank holds in whole, and what is exchanged for that, is up to the OptimizerShard.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "kernels/ops/optim_ops.h"
#include "parallel/comm/collectives.h"
#include "parallel/zero/flat_ranges.h"
#include "parallel/zero/optimizer_shard.h"
#include "parallel/zero/shard_range.h"

namespace ropeway {

struct ShardedAdamWOptions {
  // Moments in BF16 instead of acc type, which must be F32 then; not for beta2 above 0.99 (adamw.h).
  bool narrow_moments = false;
};

class ShardedAdamW {
 public:
  // Weights in acc type that lie as one array are their own masters.
  explicit ShardedAdamW(std::unique_ptr<OptimizerShard> shard, const ShardedAdamWOptions& options = {});
  // Over WholeParameters (stage 1), which see.
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

  // The state of this rank's share, for checkpoints: its pieces one behind the other.
  const std::vector<FlatRange>& pieces() const { return shard_->pieces(); }
  int64_t count() const { return master_.numel(); }  // of the share
  int64_t total() const { return shard_->total(); }  // of all ranks' shares
  int64_t global_index(int64_t index) const;         // in the flat array, of element `index` of the share
  int64_t steps_taken() const { return step_; }
  at::Tensor master() const { return master_; }
  bool masters_are_weights() const { return masters_are_weights_; }  // in one memory
  at::Tensor moment1() const { return moment1_; }
  at::Tensor moment2() const { return moment2_; }
  // Copies the three tensors of this rank's share and takes over the step count; the weights are written from
  // the masters. Throws kBadData when a tensor has another shape or type.
  void restore(const at::Tensor& master, const at::Tensor& moment1, const at::Tensor& moment2,
               int64_t steps_taken);

 private:
  void update_own_pieces(const ops::AdamWOptions& options, double gradient_scale);

  std::unique_ptr<OptimizerShard> shard_;
  at::Tensor master_, moment1_, moment2_;  // of the share
  bool masters_are_weights_ = false;
  int64_t step_ = 0;
};

}  // namespace ropeway
