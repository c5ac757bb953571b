// The store that keeps everything in this rank's memory: all weights are one flat array (gradients another,
// in acc type), as parameter_layout.h says. A lease is a set of views.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/zero/flat_parameters.h"
#include "trainer/family/model_config.h"
#include "trainer/model/parameter_layout.h"
#include "trainer/model/parameter_store.h"

namespace ropeway {

class ResidentParameters : public ParameterStore {
 public:
  // dtype of the weights: kDouble, kFloat or kBFloat16. Weights are zero; gradients are allocated when they
  // are first asked for.
  ResidentParameters(const ModelConfig& config, at::ScalarType dtype, at::Device device = at::kCPU);

  Leased acquire(ParameterUnit unit, LeaseOf of) override;
  void gradients_done(ParameterUnit) override {}
  void release(ParameterUnit) override {}
  void expect(ParameterUnit, LeaseOf) override {}

  at::TensorOptions weight_options() const override { return weights_.options(); }
  const std::vector<NamedShape>& names() const override { return layout_.names(); }
  void set_weight(const std::string& name, const at::Tensor& values) override;
  std::vector<NamedTensor> weights_on_host(bool wanted) override;
  std::vector<FlatPiece> held_weights() override { return {{weights_, 0}}; }
  std::unique_ptr<OptimizerShard> optimizer_shard(Collectives& exchange) override;
  std::string non_finite_gradient() override;
  void clear_gradients() override { flat_gradients().zero_(); }
  const std::string& name_at(int64_t index) const override { return layout_.name_at(index); }
  uint64_t fingerprint() override;
  void release_gradients() override { gradients_ = at::Tensor(); }
  Bytes bytes() const override;

  // What only this store can offer: everything in place.
  FlatParameters flat_parameters();
  at::Tensor flat_weights() const { return weights_; }
  at::Tensor flat_gradients();
  at::Tensor weight(const std::string& name) const;  // view in the named shape
  at::Tensor gradient(const std::string& name);

 private:
  const ParameterLayout layout_;
  at::Tensor weights_, gradients_;
};

}  // namespace ropeway
