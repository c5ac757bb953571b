// Writes config.json so that transformers 4 (rope_scaling) and 5 (rope_parameters), vLLM and llama.cpp's
// converters find the same RoPE in it. max_position_embeddings is the target length, never the length of a
// training chunk; factor is a JSON float; all of max, original and factor are written, which makes the
// versions' formulas agree.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/io/model_config.h"

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
         "factor set '{}': {} factors: config.json holds one a rotary pair, {}, for all layers", set.name,
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
  block["short_factor"] = short_set != nullptr ? short_set->factors : identity_factors(pairs);
  block["long_factor"] = long_set.factors;
  block["factor"] = factor;
  block["original_max_position_embeddings"] = config.original_window;
  // transformers has one temperature for both windows, attention_factor; vLLM ignores that one and has one
  // for each. Both take the formula where nothing is said.
  const double formula = attention_temperature("su", factor, config.original_window);
  const double short_temperature = short_set != nullptr ? short_set->attention_temperature : 1.0;
  if (long_set.attention_temperature != formula || short_temperature != formula) {
    block["attention_factor"] = long_set.attention_temperature;
    block["short_mscale"] = short_temperature;
    block["long_mscale"] = long_set.attention_temperature;
  }
  return block;
}

}  // namespace

std::string write_hf_config(const ModelConfig& config, const FactorSet* long_set, const FactorSet* short_set,
                            const std::string& torch_dtype) {
  ROPEWAY_CHECK(config.model_type == "llama" || config.model_type == "mistral",
                "no class name for model type '{}'", config.model_type);
  const int64_t max_positions =
      long_set == nullptr ? config.original_window : std::max(long_set->max_length, config.original_window);
  ordered_json json;
  json["architectures"] = {config.model_type == "llama" ? "LlamaForCausalLM" : "MistralForCausalLM"};
  json["model_type"] = config.model_type;
  json["vocab_size"] = config.vocab_size;
  json["hidden_size"] = config.hidden_size;
  json["intermediate_size"] = config.intermediate_size;
  json["num_hidden_layers"] = config.num_layers;
  json["num_attention_heads"] = config.num_heads;
  json["num_key_value_heads"] = config.num_kv_heads;
  json["head_dim"] = config.head_dim;
  json["hidden_act"] = "silu";
  json["attention_bias"] = false;
  json["mlp_bias"] = false;
  json["attention_dropout"] = 0.0;
  json["rms_norm_eps"] = config.rms_norm_eps;
  json["initializer_range"] = config.initializer_range;
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  json["bos_token_id"] = config.bos_token_id >= 0 ? ordered_json(config.bos_token_id) : ordered_json(nullptr);
  json["eos_token_id"] = config.eos_token_id >= 0 ? ordered_json(config.eos_token_id) : ordered_json(nullptr);
  json["use_cache"] = true;
  json["torch_dtype"] = torch_dtype;
  if (config.model_type == "mistral") json["sliding_window"] = nullptr;  // trained with full attention
  json["max_position_embeddings"] = max_positions;
  json["rope_theta"] = config.rope_theta;
  ordered_json parameters;
  if (long_set == nullptr) {
    json["rope_scaling"] = nullptr;
    parameters["rope_type"] = "default";
  } else {
    json["original_max_position_embeddings"] = config.original_window;
    parameters = longrope_block(config, *long_set, short_set, max_positions);
    json["rope_scaling"] = parameters;
  }
  parameters["rope_theta"] = config.rope_theta;
  json["rope_parameters"] = parameters;
  return json.dump(2) + "\n";
}

}  // namespace ropeway
