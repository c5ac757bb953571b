// The store that keeps everything in this rank's memory: all weights are one flat array (gradients another,
// in acc type), in the order of weight_names(): block by block, and q, k, v and gate, up next to each other,
// so that the fused projections are plain views. A lease is a set of such views.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "trainer/family/model_config.h"
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
  const std::vector<NamedShape>& names() const override { return names_; }
  void set_weight(const std::string& name, const at::Tensor& values) override;
  std::vector<NamedTensor> weights_on_host(bool wanted) override;
  FlatParameters flat_parameters() override;
  const std::string& name_at(int64_t index) const override;
  uint64_t fingerprint() override;
  void release_gradients() override { gradients_ = at::Tensor(); }
  Bytes bytes() const override;

  // What only this store can offer: everything in place.
  at::Tensor flat_weights() const { return weights_; }
  at::Tensor flat_gradients();
  at::Tensor weight(const std::string& name) const;  // view in the named shape
  at::Tensor gradient(const std::string& name);

 private:
  // Where the weights of a block begin in the flat array; -1: the model has none of that kind.
  struct BlockOffsets {
    int64_t qkv, attention_out, gate_up, down, router, experts;
    int64_t input_norm, post_norm, attention_out_norm, down_norm;
    int64_t q_norm, k_norm, qkv_bias, attention_out_bias, gate_up_bias, down_bias;
  };
  size_t index_of(const std::string& name) const;
  BlockOffsets find_block(int64_t layer) const;
  at::Tensor view(const at::Tensor& flat, size_t index) const;
  at::Tensor view(const at::Tensor& flat, const char* name) const { return view(flat, index_of(name)); }
  UnitTensors unit_views(const at::Tensor& flat, ParameterUnit unit) const;
  BlockTensors block_views(const at::Tensor& flat, int64_t layer) const;
  FlatRanges decayed_ranges() const;  // of the flat array: all but norms and biases

  const ModelConfig config_;
  std::vector<NamedShape> names_;
  std::vector<int64_t> offsets_;
  std::unordered_map<std::string, size_t> indices_;  // of names_
  std::vector<BlockOffsets> blocks_;
  at::Tensor weights_, gradients_;
};

}  // namespace ropeway
