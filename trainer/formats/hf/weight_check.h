// Whether a collection of tensors is exactly the weights of a config. Inside this folder.
#pragma once

#include <map>
#include <string>
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
// The same for the weights of a config; `where` names the directory. Accepted without being wanted: a tied
// lm_head.weight, and the inv_freq buffers of old exports.
void check_weights(const std::map<std::string, FoundTensor>& found, const ModelConfig& config,
                   const std::string& where);

}  // namespace ropeway
