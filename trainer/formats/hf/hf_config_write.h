// Writes config.json of a Hugging Face directory.
#pragma once

#include <string>

#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// config.json text for transformers 4 and 5: rope_scaling and rope_parameters of type longrope with
// `long_set` in force (null: plain RoPE) and `short_set` (null: ones); max_position_embeddings =
// long_set->max_length. Throws kBadData for what a config.json of the family cannot say.
std::string write_hf_config(const ModelConfig& config, const FactorSet* long_set, const FactorSet* short_set,
                            const std::string& torch_dtype);

}  // namespace ropeway
