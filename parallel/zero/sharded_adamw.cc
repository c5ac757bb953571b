#include "parallel/zero/sharded_adamw.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/base/error.h"
#include "parallel/zero/whole_parameters.h"

namespace ropeway {
namespace {

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
    : ShardedAdamW(std::make_unique<WholeParameters>(exchange, std::move(weights), std::move(gradients),
                                                     std::move(decayed)),
                   options) {}

ShardedAdamW::ShardedAdamW(std::unique_ptr<OptimizerShard> shard, const ShardedAdamWOptions& options)
    : shard_(std::move(shard)) {
  const FlatRanges& decayed = shard_->decayed();
  ROPEWAY_CHECK(decayed.ranges().empty() || decayed.ranges().back().end <= shard_->total(),
                "weight decay up to element {} of {}", decayed.ranges().back().end, shard_->total());
  const at::Tensor gradients = shard_->gradients(), as_one = shard_->weights_as_one();
  const auto acc = gradients.scalar_type();
  ROPEWAY_CHECK(!options.narrow_moments || acc == at::kFloat, "BF16 moments beside masters of {}",
                c10::toString(acc));
  masters_are_weights_ = as_one.defined() && as_one.scalar_type() == acc;
  if (masters_are_weights_) {
    master_ = as_one;
  } else {
    master_ = at::empty_like(gradients);
    int64_t at = 0;
    for (size_t i = 0; i < pieces().size(); ++i) {
      const at::Tensor weights = shard_->weights(i);
      part(master_, {at, at + weights.numel()}).copy_(weights);
      at += weights.numel();
    }
  }
  const auto moments = master_.options().dtype(options.narrow_moments ? at::kBFloat16 : acc);
  moment1_ = at::zeros(master_.sizes(), moments);
  moment2_ = at::zeros(master_.sizes(), moments);
}

int64_t ShardedAdamW::global_index(int64_t index) const {
  for (const FlatRange& piece : pieces()) {
    if (index < piece.size()) return piece.begin + index;
    index -= piece.size();
  }
  ROPEWAY_CHECK(false, "an element {} beyond the end of the rank's share", index);
}

ShardedAdamW::StepResult ShardedAdamW::step(const ops::AdamWOptions& options, double max_norm,
                                            const Accept& accept) {
  StepResult result;
  result.gradient_norm = shard_->sum_gradients();
  const bool accepted = !accept || accept(result.gradient_norm);
  result.applied = accepted && std::isfinite(result.gradient_norm);
  if (result.applied) {
    const double scale =
        max_norm > 0 && result.gradient_norm > max_norm ? max_norm / result.gradient_norm : 1.0;
    ++step_;
    update_own_pieces(options, scale);
    shard_->spread_weights();
  }
  shard_->zero_gradients();
  return result;
}

// AdamW works element by element, so the bits do not depend on where the pieces are cut.
void ShardedAdamW::update_own_pieces(const ops::AdamWOptions& options, double gradient_scale) {
  const at::Tensor gradients = shard_->gradients();
  int64_t begin = 0;  // of the piece in the share
  for (size_t i = 0; i < pieces().size(); ++i) {
    const FlatRange piece = pieces()[i];
    const at::Tensor weights = shard_->weights(i);
    for (const auto& [run, decays] : shard_->decayed().runs_in(piece)) {
      const FlatRange in_piece{run.begin - piece.begin, run.end - piece.begin};
      const FlatRange own{begin + in_piece.begin, begin + in_piece.end};
      ops::AdamWOptions options_of_run = options;
      if (!decays) options_of_run.weight_decay = 0;
      ops::adamw_step({.master = part(master_, own),
                       .moment1 = part(moment1_, own),
                       .moment2 = part(moment2_, own),
                       .gradient = part(gradients, own),
                       .weight = part(weights, in_piece),
                       .options = options_of_run,
                       .gradient_scale = gradient_scale,
                       .step = step_});
    }
    begin += piece.size();
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
  int64_t at = 0;
  for (size_t i = 0; i < pieces().size(); ++i) {
    const at::Tensor weights = shard_->weights(i);
    weights.copy_(part(master_, {at, at + weights.numel()}));  // rounds; nothing to do where they are one
    at += weights.numel();
  }
  shard_->spread_weights();
}

}  // namespace ropeway
