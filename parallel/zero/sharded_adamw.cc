#include "parallel/zero/sharded_adamw.h"

#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"

namespace ropeway {
namespace {

DType acc_dtype(const at::Tensor& t) { return t.scalar_type() == at::kDouble ? DType::kF64 : DType::kF32; }

at::Tensor part(const at::Tensor& flat, FlatRange range) { return flat.narrow(0, range.begin, range.size()); }

void check_state(const char* name, const at::Tensor& found, const at::Tensor& wanted) {
  if (!found.defined() || found.sizes() != wanted.sizes()) {
    fail(ErrorKind::kBadData, "optimizer state {}: {} elements, wanted {} (this rank's share)", name,
         found.defined() ? found.numel() : 0, wanted.numel());
  }
  if (found.scalar_type() != wanted.scalar_type()) {
    fail(ErrorKind::kBadData, "optimizer state {}: type {}, wanted {}", name,
         c10::toString(found.scalar_type()), c10::toString(wanted.scalar_type()));
  }
}

}  // namespace

ShardedAdamW::ShardedAdamW(Collectives& exchange, at::Tensor weights, at::Tensor gradients,
                           FlatRanges decayed, const ShardedAdamWOptions& options)
    : exchange_(exchange),
      weights_(std::move(weights)),
      gradients_(std::move(gradients)),
      decayed_(std::move(decayed)),
      range_(shard_range(weights_.numel(), exchange.size(), exchange.rank())) {
  const auto acc = ops::accumulation_type(weights_.scalar_type());
  ROPEWAY_CHECK(weights_.dim() == 1 && weights_.is_contiguous() && gradients_.is_contiguous(),
                "weights and gradients must be flat");
  ROPEWAY_CHECK(gradients_.sizes() == weights_.sizes() && gradients_.scalar_type() == acc,
                "{} gradients for {} weights, or not in acc type", gradients_.numel(), weights_.numel());
  ROPEWAY_CHECK(decayed_.ranges().empty() || decayed_.ranges().back().end <= weights_.numel(),
                "weight decay up to element {} of {}", decayed_.ranges().back().end, weights_.numel());
  const at::Tensor own = part(weights_, range_);
  master_ = own.to(acc);  // shares the weights' memory when they are in acc type already
  ROPEWAY_CHECK(!options.narrow_moments || acc == at::kFloat, "BF16 moments beside masters of {}",
                c10::toString(acc));
  const auto moments = master_.options().dtype(options.narrow_moments ? at::kBFloat16 : acc);
  moment1_ = at::zeros({range_.size()}, moments);
  moment2_ = at::zeros({range_.size()}, moments);
}

ShardedAdamW::StepResult ShardedAdamW::step(const ops::AdamWOptions& options, double max_norm,
                                            const Accept& accept) {
  exchange_.all_reduce(gradients_.mutable_data_ptr(), gradients_.numel(), acc_dtype(gradients_),
                       ReduceOp::kSum);
  // Every rank has the whole sum, so each takes the norm itself, in one order whatever the number of ranks.
  StepResult result;
  result.gradient_norm = std::sqrt(ops::sum_of_squares(gradients_));
  const bool accepted = !accept || accept(result.gradient_norm);
  result.applied = accepted && std::isfinite(result.gradient_norm);
  if (result.applied) {
    const double scale =
        max_norm > 0 && result.gradient_norm > max_norm ? max_norm / result.gradient_norm : 1.0;
    ++step_;
    update_own_range(options, scale);
    gather_weights();
  }
  gradients_.zero_();
  return result;
}

// AdamW works element by element, so the bits do not depend on where the range is cut.
void ShardedAdamW::update_own_range(const ops::AdamWOptions& options, double gradient_scale) {
  for (const auto& [run, decays] : decayed_.runs_in(range_)) {
    const FlatRange own{run.begin - range_.begin, run.end - range_.begin};
    ops::AdamWOptions options_of_run = options;
    if (!decays) options_of_run.weight_decay = 0;
    ops::adamw_step({.master = part(master_, own),
                     .moment1 = part(moment1_, own),
                     .moment2 = part(moment2_, own),
                     .gradient = part(gradients_, run),
                     .weight = part(weights_, run),
                     .options = options_of_run,
                     .gradient_scale = gradient_scale,
                     .step = step_});
  }
}

void ShardedAdamW::restore(const at::Tensor& master, const at::Tensor& moment1, const at::Tensor& moment2,
                           int64_t steps_taken) {
  check_state("master", master, master_);
  check_state("moment1", moment1, moment1_);
  check_state("moment2", moment2, moment2_);
  if (steps_taken < 0) fail(ErrorKind::kBadData, "optimizer state: {} steps taken", steps_taken);
  master_.copy_(master);
  moment1_.copy_(moment1);
  moment2_.copy_(moment2);
  step_ = steps_taken;
  part(weights_, range_).copy_(master_);  // rounds; nothing to do where the master is the weight
  gather_weights();
}

// Shares differ in length, and a broadcast from each rank needs no second buffer.
void ShardedAdamW::gather_weights() {
  auto* bytes = static_cast<std::byte*>(weights_.mutable_data_ptr());
  const auto element = static_cast<int64_t>(weights_.element_size());
  for (int r = 0; r < exchange_.size(); ++r) {
    const FlatRange range = shard_range(weights_.numel(), exchange_.size(), r);
    exchange_.broadcast(bytes + range.begin * element, range.size() * element, r);
  }
}

}  // namespace ropeway
