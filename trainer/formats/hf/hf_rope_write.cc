// RoPE as transformers 4 (rope_scaling) and 5 (rope_parameters), vLLM and llama.cpp's converters find it
// alike: max_position_embeddings is the target length, never the length of a training chunk; factor is a JSON
// float; all of max, original and factor are written, which makes the versions' formulas agree.
#include "trainer/formats/hf/hf_rope_write.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/family/families.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

void require_expressible(const FactorSet& set, int64_t pairs) {
  if (set.start_tokens > 0) {
    fail(ErrorKind::kBadData,
         "factor set '{}': start_tokens is {}: config.json cannot hold start tokens, and no other program "
         "reads them",
         set.name, set.start_tokens);
  }
  if (static_cast<int64_t>(set.factors.size()) != pairs) {
    fail(ErrorKind::kBadData,
         "factor set '{}': {} factors: config.json holds one per rotary pair, {}, for all layers", set.name,
         set.factors.size(), pairs);
  }
}

ordered_json longrope_block(const ModelConfig& config, const FactorSet& long_set, const FactorSet* short_set,
                            int64_t max_positions) {
  const int64_t pairs = config.rotary_pairs();
  require_expressible(long_set, pairs);
  if (short_set != nullptr) require_expressible(*short_set, pairs);
  const double factor = static_cast<double>(max_positions) / static_cast<double>(config.original_window);
  ordered_json block;
  block["rope_type"] = "longrope";
  block["type"] = "longrope";
  block["short_factor"] =
      with_finite_factors(short_set != nullptr ? short_set->factors : identity_factors(pairs));
  block["long_factor"] = with_finite_factors(long_set.factors);
  block["factor"] = factor;
  block["original_max_position_embeddings"] = config.original_window;
  // transformers has one temperature for both windows, attention_factor; vLLM ignores that one and has one
  // for each. Both take the formula where nothing is said.
  const double formula = attention_temperature(TemperatureFormula::kSu, factor, config.original_window);
  const double short_temperature = short_set != nullptr ? short_set->attention_temperature : 1.0;
  if (long_set.attention_temperature != formula || short_temperature != formula) {
    block["attention_factor"] = long_set.attention_temperature;
    block["short_mscale"] = short_temperature;
    block["long_mscale"] = long_set.attention_temperature;
  }
  return block;
}

// rope_scaling for Phi3Config. A temperature other than the formula's has no place there: then all keys are
// written, which transformers 5 reads and transformers 4 refuses, where it would otherwise take the formula's
// unnoticed.
ordered_json phi3_scaling(const ordered_json& block, double formula) {
  if (block.value("attention_factor", formula) != formula) return block;
  ordered_json bare;
  for (const char* key : {"type", "short_factor", "long_factor"}) bare[key] = block[key];
  return bare;
}

}  // namespace

ordered_json rope_keys(const ModelConfig& config, const FactorSet* long_set, const FactorSet* short_set) {
  const Family& family = family_of(config.model_type);
  const bool plain = long_set == nullptr;
  const int64_t max_positions = plain ? std::max(config.max_position_embeddings, config.original_window)
                                      : std::max(long_set->max_length, config.original_window);
  ordered_json keys, parameters;
  keys["max_position_embeddings"] = max_positions;
  keys["rope_theta"] = config.rope_theta;
  if (plain) {
    keys["rope_scaling"] = nullptr;
    parameters["rope_type"] = "default";
    if (family.phi3_keys) keys["original_max_position_embeddings"] = max_positions;
  } else {
    parameters = longrope_block(config, *long_set, short_set, max_positions);
    keys["original_max_position_embeddings"] = config.original_window;
    const double formula =
        attention_temperature(TemperatureFormula::kSu, parameters["factor"], config.original_window);
    keys["rope_scaling"] = family.phi3_keys ? phi3_scaling(parameters, formula) : parameters;
  }
  parameters["rope_theta"] = config.rope_theta;
  if (family.local_rope_keys) {
    keys["rope_local_base_freq"] = config.local_rope_theta;
    ordered_json local;
    local["rope_type"] = "default";
    local["rope_theta"] = config.local_rope_theta;
    parameters = {{"full_attention", parameters}, {"sliding_attention", local}};
  }
  keys["rope_parameters"] = parameters;
  return keys;
}

}  // namespace ropeway
