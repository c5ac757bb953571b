// The keys of the model's family; its RoPE is in hf_rope_write.cc.
#include "trainer/formats/hf/hf_config_write.h"

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/hf/family_keys.h"
#include "trainer/formats/hf/hf_rope_write.h"
#include "trainer/formats/hf/rope_settings.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

// What a transformers class does without a key must be what the model does.
void require_class_of(const ModelConfig& config, const Family& family) {
  const auto require = [&](bool fits, const char* what) {
    if (!fits) {
      fail(ErrorKind::kBadData, "config.json of a {} model cannot say that it has {}", family.model_type,
           what);
    }
  };
  const bool by_key = config.qkv_bias && !family.qkv_bias;
  require(config.output_bias == (by_key && family.output_bias), "these biases in its attention");
  require(config.qkv_bias || !family.qkv_bias, "these biases in its attention");
  require(!by_key || family.attention_bias_key, "biases in its attention");
  require(!config.mlp_bias || family.mlp_bias_key, "biases in its MLP");
  require(config.qk_norm == family.qk_norm, "norms of heads, or lacks them");
  require(2 * config.rotary_pairs() == config.head_dim || family.partial_rotary, "partly rotated heads");
  require(config.sliding_window == 0 || family.sliding_window != SlidingWindowKeys::kNone,
          "a sliding window");
  require(config.sliding_layers.empty() || family.sliding_window == SlidingWindowKeys::kQwen ||
              family.sliding_window == SlidingWindowKeys::kPattern,
          "a sliding window in some layers only");
}

ordered_json token_or_null(int64_t id) { return id >= 0 ? ordered_json(id) : ordered_json(nullptr); }

void write_sliding_window(const ModelConfig& config, const Family& family, ordered_json& json) {
  if (family.sliding_window == SlidingWindowKeys::kNone) return;
  const bool slides = config.sliding_window > 0;
  if (family.sliding_window == SlidingWindowKeys::kUnread) json["use_sliding_window"] = false;
  json["sliding_window"] = slides ? ordered_json(config.sliding_window) : ordered_json(nullptr);
  if (!config.sliding_layers.empty()) {
    ordered_json types = ordered_json::array();
    for (const bool local : config.sliding_layers) {
      types.push_back(local ? "sliding_attention" : "full_attention");
    }
    json["layer_types"] = types;
  }
  if (family.sliding_window != SlidingWindowKeys::kQwen) return;
  int64_t full_layers = 0;  // before the first sliding one
  while (full_layers < config.num_layers && !(slides && config.slides(full_layers))) ++full_layers;
  json["use_sliding_window"] = slides;
  json["max_window_layers"] = full_layers;
}

}  // namespace

std::string write_hf_config(const ModelConfig& config, const FactorSet* long_set, const FactorSet* short_set,
                            const std::string& torch_dtype) {
  const Family& family = family_of(config.model_type);
  require_class_of(config, family);
  ordered_json json;
  json["architectures"] = {family.class_name};
  json["model_type"] = family.model_type;
  json["vocab_size"] = config.vocab_size;
  json["hidden_size"] = config.hidden_size;
  json["intermediate_size"] = config.intermediate_size;
  json["num_hidden_layers"] = config.num_layers;
  json["num_attention_heads"] = config.num_heads;
  json["num_key_value_heads"] = config.num_kv_heads;
  json["head_dim"] = config.head_dim;
  write_family_keys(config, family, json);
  if (family.attention_bias_key) json["attention_bias"] = config.qkv_bias;
  if (family.mlp_bias_key) json["mlp_bias"] = config.mlp_bias;
  json["attention_dropout"] = 0.0;
  json["rms_norm_eps"] = config.rms_norm_eps;
  json["initializer_range"] = config.initializer_range;
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  json["bos_token_id"] = token_or_null(config.bos_token_id);
  json["eos_token_id"] = token_or_null(config.eos_token_id);
  if (family.default_padding) json["pad_token_id"] = nullptr;
  json["use_cache"] = true;
  json["torch_dtype"] = torch_dtype;
  write_sliding_window(config, family, json);
  ordered_json rope = rope_keys(config, long_set, short_set);
  if (family.partial_rotary) {
    const double share = rotary_share(2 * config.rotary_pairs(), config.head_dim);
    json["partial_rotary_factor"] = share;
    rope["rope_parameters"]["partial_rotary_factor"] = share;
  }
  json.update(rope);
  return json.dump(2) + "\n";
}

}  // namespace ropeway
