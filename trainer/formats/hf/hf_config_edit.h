// Changes to JSON files of a Hugging Face directory that leave everything else in them as it was, in its
// order: keys this program does not know are not lost.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "kernels/base/dtype.h"
#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// A JSON text without its key "auto_map", which makes transformers run code from the directory; the same bytes
// when it has none. Throws kBadData naming `where`, usually the file, when the text may hold the key but is
// not JSON.
std::string without_auto_map(const std::string& json, const std::string& where);

// The text of a config.json with another element type of the weights.
std::string with_torch_dtype(const std::string& config_json, DType dtype, const std::string& where);

// The text of a config.json that says whether the head is the embedding.
std::string with_tied_head(const std::string& config_json, bool tied, const std::string& where);

// The config.json of the model with these sets in force, as write_hf_config() takes them. Where the folder
// `base` has a config.json, it is that one with another RoPE, window, element type and tie of the head; RoPE of a type that
// says the same without lists (llama3, yarn, linear) stays as it is.
struct ConfigInForce {
  const FactorSet* long_set = nullptr;
  const FactorSet* short_set = nullptr;
  DType dtype = DType::kF32;
};
std::string config_json_over(const std::filesystem::path& base, const ModelConfig& config,
                             const ConfigInForce& in_force);

}  // namespace ropeway
