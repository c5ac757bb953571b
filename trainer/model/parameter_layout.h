// Where the weights of a model lie in a flat array: in the order of weight_names(), block by block, and q, k,
// v and gate, up next to each other, so that the fused projections are plain views. Gradients have the same
// order.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parallel/zero/flat_ranges.h"
#include "trainer/family/model_config.h"
#include "trainer/family/weight_names.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/parameter_tensors.h"

namespace ropeway {

class ParameterLayout {
 public:
  explicit ParameterLayout(const ModelConfig& config);

  const ModelConfig& config() const { return config_; }
  const std::vector<NamedShape>& names() const { return names_; }
  int64_t total() const { return total_; }          // elements
  size_t index_of(const std::string& name) const;   // in names()
  FlatRange range(size_t index) const;              // of the weight
  const std::string& name_at(int64_t index) const;  // of the weight that the element belongs to
  FlatRanges decayed() const;                       // where weight decay applies: all but norms and biases
  const std::vector<FlatRange>& units() const { return units_; }  // embedding, blocks, head
  size_t unit_index(ParameterUnit unit) const;                    // in units()
  // The weights of a unit: indices in names(), first and end.
  std::pair<size_t, size_t> weights_in(FlatRange unit) const;

  // Memory that holds elements `begin` and following of the flat array.
  struct Stretch {
    at::Tensor flat;
    int64_t begin = 0;
  };
  at::Tensor view(const Stretch& stretch, size_t index) const;  // in the named shape
  // embedding: looked at for a tied head only.
  UnitTensors unit_views(ParameterUnit unit, const Stretch& own, const Stretch& embedding) const;

 private:
  // Where the weights of a block begin; -1: the model has none of that kind.
  struct BlockOffsets {
    int64_t qkv, attention_out, gate_up, down, router, experts;
    int64_t input_norm, post_norm, attention_out_norm, down_norm;
    int64_t q_norm, k_norm, qkv_bias, attention_out_bias, gate_up_bias, down_bias;
  };
  BlockOffsets find_block(int64_t layer) const;
  void find_units();
  BlockTensors block_views(const Stretch& stretch, int64_t layer) const;

  const ModelConfig config_;
  std::vector<NamedShape> names_;
  std::vector<int64_t> offsets_;
  std::unordered_map<std::string, size_t> indices_;  // of names_
  std::vector<BlockOffsets> blocks_;
  std::vector<FlatRange> units_;
  int64_t total_ = 0;
};

}  // namespace ropeway
