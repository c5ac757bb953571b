#include "parallel/zero/whole_parameters.h"

#include <cmath>

#include "kernels/base/error.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/optim_ops.h"
#include "parallel/zero/shard_range.h"

namespace ropeway {

WholeParameters::WholeParameters(Collectives& exchange, at::Tensor weights, at::Tensor gradients,
                                 FlatRanges decayed)
    : exchange_(exchange),
      weights_(std::move(weights)),
      gradients_(std::move(gradients)),
      decayed_(std::move(decayed)),
      pieces_{shard_range(weights_.numel(), exchange.size(), exchange.rank())} {
  const auto acc = ops::accumulation_type(weights_.scalar_type());
  ROPEWAY_CHECK(weights_.dim() == 1 && weights_.is_contiguous() && gradients_.is_contiguous(),
                "weights and gradients must be flat");
  ROPEWAY_CHECK(gradients_.sizes() == weights_.sizes() && gradients_.scalar_type() == acc,
                "{} gradients for {} weights, or not in acc type", gradients_.numel(), weights_.numel());
}

at::Tensor WholeParameters::own(const at::Tensor& flat, size_t piece) const {
  return flat.narrow(0, pieces_[piece].begin, pieces_[piece].size());
}

double WholeParameters::sum_gradients() {
  const DType acc = gradients_.scalar_type() == at::kDouble ? DType::kF64 : DType::kF32;
  exchange_.all_reduce(gradients_.mutable_data_ptr(), gradients_.numel(), acc, ReduceOp::kSum);
  return std::sqrt(ops::sum_of_squares(gradients_));
}

// Shares differ in length, and a broadcast from each rank needs no second buffer.
void WholeParameters::spread_weights() {
  auto* bytes = static_cast<std::byte*>(weights_.mutable_data_ptr());
  const auto element = static_cast<int64_t>(weights_.element_size());
  for (int r = 0; r < exchange_.size(); ++r) {
    const FlatRange range = shard_range(weights_.numel(), exchange_.size(), r);
    exchange_.broadcast(bytes + range.begin * element, range.size() * element, r);
  }
}

}  // namespace ropeway
