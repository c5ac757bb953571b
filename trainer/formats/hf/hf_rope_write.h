// The RoPE keys of a config.json to write. Inside this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// max_position_embeddings, rope_theta, rope_scaling, rope_parameters and what belongs to them. Throws
// kBadData naming the set that the format cannot hold.
nlohmann::ordered_json rope_keys(const ModelConfig& config, const FactorSet* long_set,
                                 const FactorSet* short_set);

}  // namespace ropeway
