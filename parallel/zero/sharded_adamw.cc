#include "parallel/zero/sharded_adamw.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/ops/cuda_backend.h"

namespace ropeway {
namespace {

// On the host the gradients are summed in pieces: the temporary memory of an all-reduce is a multiple of what
// it is given.
constexpr int64_t kReduceElements = int64_t{4} << 20;

DType acc_dtype(const at::Tensor& t) { return t.scalar_type() == at::kDouble ? DType::kF64 : DType::kF32; }

at::Tensor part(const at::Tensor& flat, FlatRange range) {
  return flat.defined() ? flat.narrow(0, range.begin, range.end - range.begin) : flat;
}

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

ShardedAdamW::ShardedAdamW(Communicator& world, at::Tensor weights, at::Tensor gradients,
                           at::Tensor weight_decay_mask, const ShardedAdamWOptions& options)
    : world_(world),
      gpus_(options.gpus),
      weights_(std::move(weights)),
      gradients_(std::move(gradients)),
      weight_decay_mask_(std::move(weight_decay_mask)),
      range_(shard_range(weights_.numel(), world.size(), world.rank())) {
  const auto acc = ops::accumulation_type(weights_.scalar_type());
  ROPEWAY_CHECK(weights_.dim() == 1 && weights_.is_contiguous() && gradients_.is_contiguous(),
                "weights and gradients must be flat");
  ROPEWAY_CHECK(gradients_.sizes() == weights_.sizes() && gradients_.scalar_type() == acc,
                "{} gradients for {} weights, or not in acc type", gradients_.numel(), weights_.numel());
  const at::Tensor own = part(weights_, range_);
  master_ = own.to(acc);  // shares the weights' memory when they are in acc type already
  ROPEWAY_CHECK(!options.narrow_moments || acc == at::kFloat, "BF16 moments beside masters of {}",
                c10::toString(acc));
  const auto moments = master_.options().dtype(options.narrow_moments ? at::kBFloat16 : acc);
  moment1_ = at::zeros({range_.end - range_.begin}, moments);
  moment2_ = at::zeros({range_.end - range_.begin}, moments);
}

void ShardedAdamW::sum_gradients() {
  const int64_t total = gradients_.numel();
  auto* bytes = static_cast<std::byte*>(gradients_.mutable_data_ptr());
  if (gpus_ != nullptr) {
    return gpus_->all_reduce(bytes, total, acc_dtype(gradients_), ReduceOp::kSum,
                             ops::compute_stream(gradients_.device()));
  }
  const auto element = static_cast<int64_t>(gradients_.element_size());
  for (int64_t at = 0; at < total; at += kReduceElements) {
    world_.all_reduce(bytes + at * element, std::min(kReduceElements, total - at), acc_dtype(gradients_),
                      ReduceOp::kSum);
  }
}

ShardedAdamW::StepResult ShardedAdamW::step(const ops::AdamWOptions& options, double max_norm) {
  sum_gradients();
  // Every rank has the whole sum, so each takes the norm itself, in one order whatever the number of ranks.
  StepResult result;
  result.gradient_norm = std::sqrt(ops::sum_of_squares(gradients_));
  result.applied = std::isfinite(result.gradient_norm);
  if (result.applied) {
    const double scale =
        max_norm > 0 && result.gradient_norm > max_norm ? max_norm / result.gradient_norm : 1.0;
    ++step_;
    if (range_.end > range_.begin) {
      ops::adamw_step(master_, moment1_, moment2_, part(gradients_, range_), part(weights_, range_),
                      part(weight_decay_mask_, range_), options, scale, step_);
    }
    gather_weights();
  }
  gradients_.zero_();
  return result;
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
  for (int r = 0; r < world_.size(); ++r) {
    const FlatRange range = shard_range(weights_.numel(), world_.size(), r);
    auto* const share = bytes + range.begin * element;
    const int64_t share_bytes = (range.end - range.begin) * element;
    if (gpus_ != nullptr) {
      gpus_->broadcast(share, share_bytes, r, ops::compute_stream(weights_.device()));
    } else {
      world_.broadcast(share, share_bytes, r);
    }
  }
}

}  // namespace ropeway
