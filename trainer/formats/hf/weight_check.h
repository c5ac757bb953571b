// Whether a collection of tensors is exactly the weights of a config. Inside this folder.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/dtype.h"
#include "trainer/family/model_config.h"

namespace ropeway {

struct FoundTensor {
  DType dtype;
  std::vector<int64_t> shape;
};
// Throws kBadData naming `where` and listing at most ten missing, unexpected or misshapen tensors, and their
// count; `source` says what wanted them ("config.json").
void check_tensors(const std::map<std::string, FoundTensor>& found,
                   const std::map<std::string, std::vector<int64_t>>& expected, const std::string& where,
                   const std::string& source);
// Whether a tensor of this name is no weight: buffers that some exports keep and every reader makes itself
// (rotary_emb.inv_freq, cos_cached, sin_cached).
bool is_derived_buffer(std::string_view name);
// The same as check_tensors() for the weights of a config; `where` names the directory. Accepted without being
// wanted: a tied lm_head.weight, and derived buffers.
void check_weights(const std::map<std::string, FoundTensor>& found, const ModelConfig& config,
                   const std::string& where);

}  // namespace ropeway
