// Where a model's weights and gradients live. The engine asks for the weights of one block at a time and
// gives them back, so that a store may gather them around the block (ZeRO stage 3) or keep them resident, as
// this one does.
//
// All weights are one flat array (gradients another, in acc type), in the order of weight_names(): block by
// block, and q, k, v and gate, up next to each other, so that the fused projections are plain views.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "parallel/zero/flat_ranges.h"
#include "trainer/family/model_config.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

struct BlockTensors {
  at::Tensor input_norm;     // [C]
  at::Tensor qkv;            // [(H + 2K) * D, C]
  at::Tensor attention_out;  // [C, H * D]
  at::Tensor post_norm;      // [C]
  at::Tensor gate_up;        // [2 * I, C]
  at::Tensor down;           // [C, I]
  // Undefined where the model has none.
  at::Tensor q_norm, k_norm;      // [D]
  at::Tensor qkv_bias;            // [(H + 2K) * D]
  at::Tensor attention_out_bias;  // [C]
  at::Tensor gate_up_bias;        // [2 * I]
  at::Tensor down_bias;           // [C]
};
struct OuterTensors {
  at::Tensor embedding;   // [V, C]
  at::Tensor final_norm;  // [C]
  at::Tensor head;        // [V, C]; the embedding itself when tied
};

class ParameterStore {
 public:
  virtual ~ParameterStore() = default;
  virtual BlockTensors acquire_block(int64_t layer) = 0;
  virtual void release_block(int64_t layer) = 0;
  virtual OuterTensors outer() = 0;
  virtual BlockTensors block_gradients(int64_t layer) = 0;  // acc type, added to
  virtual OuterTensors outer_gradients() = 0;
};

class ResidentParameters : public ParameterStore {
 public:
  // dtype of the weights: kDouble, kFloat or kBFloat16. Gradients are allocated at the first use.
  ResidentParameters(const ModelConfig& config, at::ScalarType dtype, at::Device device = at::kCPU);

  BlockTensors acquire_block(int64_t layer) override;
  void release_block(int64_t layer) override;
  OuterTensors outer() override;
  BlockTensors block_gradients(int64_t layer) override;
  OuterTensors outer_gradients() override;

  at::Tensor flat_weights() const { return weights_; }
  at::Tensor flat_gradients();
  void release_gradients() { gradients_ = at::Tensor(); }  // made anew, as zeros, when next asked for
  FlatRanges decayed_ranges() const;                       // of the flat array: all but norms and biases
  at::Tensor weight(const std::string& name) const;        // view in the named shape
  at::Tensor gradient(const std::string& name);
  const std::vector<NamedShape>& names() const { return names_; }

  // normal(0, initializer_range), residual projections / sqrt(2 layers), norms 1, biases 0.
  void initialize(uint64_t seed);
  void load(const ModelDir& dir);  // converts the dtype; throws kBadData
  // The tensors point into `memory`: the weights themselves or, where those are on a GPU, a copy of them.
  struct WeightsToWrite {
    at::Tensor memory;
    std::vector<TensorToWrite> tensors;
  };
  WeightsToWrite weights_to_write() const;

 private:
  // Where the weights of a block begin in the flat array; -1: the model has none of that kind.
  struct BlockOffsets {
    int64_t input_norm, qkv, attention_out, post_norm, gate_up, down;
    int64_t q_norm, k_norm, qkv_bias, attention_out_bias, gate_up_bias, down_bias;
  };
  size_t index_of(const std::string& name) const;
  BlockOffsets find_block(int64_t layer) const;
  at::Tensor view(const at::Tensor& flat, size_t index) const;
  BlockTensors block_views(const at::Tensor& flat, int64_t layer) const;
  OuterTensors outer_views(const at::Tensor& flat) const;

  ModelConfig config_;
  std::vector<NamedShape> names_;
  std::vector<int64_t> offsets_;
  std::unordered_map<std::string, size_t> indices_;  // of names_
  std::vector<BlockOffsets> blocks_;
  at::Tensor weights_, gradients_;
};

}  // namespace ropeway
