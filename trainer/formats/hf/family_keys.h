// The keys of config.json that single families have beside Llama's, both ways. Inside this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/files/strict_json.h"

namespace ropeway {

// Throws kBadData unless the MLP's activation is the one of the family.
void require_gate_activation(const JsonValue& json, const Family& family);

// Multipliers, soft caps, layers without RoPE, experts. Sizes and numbers of heads and layers must be set.
// Throws kBadData with the JSON path.
void read_family_keys(const JsonValue& json, const Family& family, ModelConfig& config);

// The same keys, the activation among them. Throws kBadData for what the family has no key for.
void write_family_keys(const ModelConfig& config, const Family& family, nlohmann::ordered_json& json);

}  // namespace ropeway
