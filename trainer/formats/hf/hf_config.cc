// What changes the arithmetic is checked, what does not is ignored (auto_map and other code references are
// never followed).
#include "trainer/formats/hf/hf_config.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/family/sliding_window.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/family_keys.h"
#include "trainer/formats/hf/rope_settings.h"

namespace ropeway {
namespace {

// Large enough for any model, small enough that no parameter count overflows.
constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 1000;
constexpr int64_t kMaxLength = int64_t{1} << 40;

double positive_number(const JsonValue& config, const char* key, double fallback) {
  const auto value = config.find(key);
  if (!value) return fallback;
  if (!(value->number() > 0)) value->refuse("a number above 0");
  return value->number();
}

int64_t token_id(const JsonValue& config, const char* key) {
  auto value = config.find(key);
  if (!value) return -1;
  // Llama 3 lists several end tokens; the first one is the end of a document.
  if (value->is_array()) {
    if (value->size() == 0) return -1;
    value = value->at(int64_t{0});
  }
  return value->integer(-1, kMaxSize);
}

bool flag(const JsonValue& config, const char* key, bool absent = false) {
  const auto value = config.find(key);
  return value ? value->boolean() : absent;
}

// A config that asks for arithmetic this engine does not have must not pass for one it has.
const Family& read_family(const JsonValue& config) {
  const JsonValue type = config.at("model_type");
  const Family* family = find_family(type.string());
  if (family == nullptr) type.refuse("one of the decoders this program has: " + family_names());
  require_gate_activation(config, *family);
  if (const auto value = config.find("quantization_config"))
    value->refuse("no quantization: weights in BF16, F16 or F32");
  return *family;
}

void read_biases(const JsonValue& json, const Family& family, ModelConfig& config) {
  const auto read = [&](const char* key, bool has_key, bool absent) {
    const bool value = flag(json, key, absent);
    if (value && !has_key) {
      json.at(key).refuse(fmt::format("false: {} models have no such key", family.model_type));
    }
    return value;
  };
  // Where q, k and v have biases anyway, the key means nothing, in transformers as well.
  const bool attention =
      !family.qkv_bias && read("attention_bias", family.attention_bias_key, family.absent_attention_bias);
  config.output_bias = attention && family.output_bias;
  config.qkv_bias = family.qkv_bias || attention;
  config.mlp_bias = read("mlp_bias", family.mlp_bias_key, false);
}

void read_heads(const JsonValue& json, const Family& family, ModelConfig& config) {
  config.num_heads = json.at("num_attention_heads").integer(1, config.hidden_size);
  config.num_kv_heads = config.num_heads;
  if (const auto value = json.find("num_key_value_heads")) {
    config.num_kv_heads = value->integer(1, config.num_heads);
    if (config.num_heads % config.num_kv_heads != 0) {
      value->refuse(fmt::format("a divisor of num_attention_heads, {}", config.num_heads));
    }
  } else if (family.absent_num_kv_heads > 0 && !json.has("num_key_value_heads")) {
    config.num_kv_heads = family.absent_num_kv_heads;
    if (config.num_heads % config.num_kv_heads != 0) json.at("num_key_value_heads");  // throws: missing
  }
  if (const auto value = json.find("head_dim")) {
    config.head_dim = value->integer(2, 1 << 16);
    if (config.head_dim % 2 != 0) value->refuse("an even number: RoPE turns pairs");
  } else if (family.absent_head_dim > 0) {
    config.head_dim = family.absent_head_dim;
  } else {
    config.head_dim = config.hidden_size / config.num_heads;
    if (config.hidden_size % config.num_heads != 0 || config.head_dim % 2 != 0) {
      json.at("num_attention_heads")
          .refuse(fmt::format("a number that divides hidden_size, {}, into an even head_dim",
                              config.hidden_size));
    }
  }
  if (config.num_heads * config.head_dim > kMaxSize) {
    json.at("num_attention_heads").refuse(fmt::format("at most {} rows of queries in all", kMaxSize));
  }
}

void read_positions(const JsonValue& json, const Family& family, ParsedConfig& parsed) {
  ModelConfig& config = parsed.config;
  const int64_t max_positions = json.at("max_position_embeddings").integer(2, kMaxLength);
  read_sliding_window(json, family, config);
  const int64_t rotary_dim = read_rotary_dim(json, family, config.head_dim);
  if (rotary_dim != config.head_dim) config.rotary_dim = rotary_dim;
  RopeSettings rope = read_rope_settings(json, {family, config.head_dim, rotary_dim, max_positions});
  config.rope_theta = rope.theta;
  config.local_rope_theta = rope.local_theta;
  config.original_window = rope.original_window;
  if (config.original_window == 0) {
    // A model trained with a sliding window agrees with full attention up to the window, which is what the
    // LongRoPE authors take for the original length of Mistral v0.1 and Phi-3-mini too.
    // Global layers have seen everything.
    const bool limited = config.sliding_window > 0 && family.sliding_window != SlidingWindowKeys::kPattern;
    config.original_window = limited ? std::min(max_positions, config.sliding_window) : max_positions;
  }
  parsed.sets = std::move(rope.sets);
  // Where RoPE is stretched the sets know the lengths; plain RoPE by itself is good for the original window.
  if (parsed.sets.empty() && max_positions != config.original_window) {
    config.max_position_embeddings = max_positions;
  }
}

}  // namespace

ParsedConfig read_hf_config(const std::filesystem::path& config_json) {
  return parse_hf_config(read_strict_json(config_json));
}

ParsedConfig parse_hf_config(const JsonValue& json) {
  const Family& family = read_family(json);
  ParsedConfig parsed;
  ModelConfig& config = parsed.config;
  take_traits(family, config);
  config.vocab_size = json.at("vocab_size").integer(1, kMaxSize);
  config.hidden_size = json.at("hidden_size").integer(1, kMaxSize);
  config.intermediate_size = json.at("intermediate_size").integer(1, kMaxSize);
  config.num_layers = json.at("num_hidden_layers").integer(1, kMaxLayers);
  read_heads(json, family, config);
  read_biases(json, family, config);
  read_family_keys(json, family, config);
  config.rms_norm_eps = positive_number(json, "rms_norm_eps", family.absent_rms_norm_eps);
  config.initializer_range = positive_number(json, "initializer_range", 0.02);
  config.tie_word_embeddings = flag(json, "tie_word_embeddings", family.absent_tie);
  config.bos_token_id = token_id(json, "bos_token_id");
  config.eos_token_id = token_id(json, "eos_token_id");
  read_positions(json, family, parsed);
  return parsed;
}

}  // namespace ropeway
