// Stage 1: every rank holds all weights and gradients, and updates one contiguous range of them. The
// gradients are summed in whole, and every rank takes the norm of the sum itself, in one order whatever the
// number of ranks.
#pragma once

#include "parallel/comm/collectives.h"
#include "parallel/zero/optimizer_shard.h"

namespace ropeway {

class WholeParameters : public OptimizerShard {
 public:
  // exchange: of all ranks, over the memory that weights and gradients are in; must outlive this. weights,
  // gradients: flat, same length on every rank; weights identical on every rank. gradients in acc type.
  WholeParameters(Collectives& exchange, at::Tensor weights, at::Tensor gradients, FlatRanges decayed);

  int64_t total() const override { return weights_.numel(); }
  const std::vector<FlatRange>& pieces() const override { return pieces_; }
  const FlatRanges& decayed() const override { return decayed_; }
  at::Tensor weights(size_t piece) override { return own(weights_, piece); }
  at::Tensor weights_as_one() override { return own(weights_, 0); }
  at::Tensor gradients() override { return own(gradients_, 0); }
  double sum_gradients() override;
  void zero_gradients() override { gradients_.zero_(); }
  void spread_weights() override;

 private:
  at::Tensor own(const at::Tensor& flat, size_t piece) const;

  Collectives& exchange_;
  at::Tensor weights_, gradients_;
  FlatRanges decayed_;
  std::vector<FlatRange> pieces_;  // one
};

}  // namespace ropeway
