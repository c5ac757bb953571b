// A model's weights in Hugging Face layout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/family/model_config.h"

namespace ropeway {

// Names and shapes of a model's weights: "model.embed_tokens.weight",
// "model.layers.3.self_attn.q_proj.weight", ...
struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
};
// Throws kBadData for a model type that has no row in families.h.
std::vector<NamedShape> weight_names(const ModelConfig& config);

}  // namespace ropeway
