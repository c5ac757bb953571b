// Reads config.json: what changes the arithmetic is checked, what does not is ignored (auto_map and other
// code references are never followed).
#include <algorithm>
#include <array>

#include "kernels/base/error.h"
#include "trainer/io/hf_config_parse.h"
#include "trainer/io/model_config.h"
#include "trainer/io/rope_settings.h"
#include "trainer/io/strict_json.h"

namespace ropeway {
namespace {

// Large enough for any model, small enough that no parameter count overflows.
constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 1000;
constexpr int64_t kMaxLength = int64_t{1} << 40;

double optional_number(const JsonValue& config, const char* key, double fallback) {
  const auto value = config.find(key);
  return value ? value->number() : fallback;
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

void refuse_unless_absent_or_false(const JsonValue& config, const char* key, const char* wanted) {
  const auto value = config.find(key);
  if (value && value->boolean()) value->refuse(wanted);
}

// The arithmetic of this engine is that of Llama; a config that asks for another one must not pass for it.
void check_architecture(const JsonValue& config) {
  const JsonValue type = config.at("model_type");
  constexpr std::array kKnown = {"llama", "mistral", "phi3"};
  if (std::find(kKnown.begin(), kKnown.end(), type.string()) == kKnown.end()) {
    type.refuse("one of the decoders this program has: llama, mistral, phi3");
  }
  if (const auto act = config.find("hidden_act");
      act && act->string() != "silu" && act->string() != "swish") {
    act->refuse("\"silu\"");
  }
  refuse_unless_absent_or_false(config, "attention_bias", "false: biases are not supported");
  refuse_unless_absent_or_false(config, "mlp_bias", "false: biases are not supported");
  if (const auto value = config.find("partial_rotary_factor"); value && value->number() != 1) {
    value->refuse("1: partly rotated heads are not supported");
  }
  if (const auto value = config.find("quantization_config"))
    value->refuse("no quantization: weights in BF16, F16 or F32");
}

}  // namespace

ParsedConfig read_hf_config(const std::filesystem::path& config_json) {
  return parse_hf_config(read_strict_json(config_json));
}

ParsedConfig parse_hf_config(const JsonValue& json) {
  check_architecture(json);
  ParsedConfig parsed;
  ModelConfig& config = parsed.config;
  config.model_type = json.at("model_type").string();
  config.vocab_size = json.at("vocab_size").integer(1, kMaxSize);
  config.hidden_size = json.at("hidden_size").integer(1, kMaxSize);
  config.intermediate_size = json.at("intermediate_size").integer(1, kMaxSize);
  config.num_layers = json.at("num_hidden_layers").integer(1, kMaxLayers);
  config.num_heads = json.at("num_attention_heads").integer(1, config.hidden_size);
  config.num_kv_heads = config.num_heads;
  if (const auto value = json.find("num_key_value_heads")) {
    config.num_kv_heads = value->integer(1, config.num_heads);
    if (config.num_heads % config.num_kv_heads != 0) {
      value->refuse(fmt::format("a divisor of num_attention_heads, {}", config.num_heads));
    }
  }
  if (const auto value = json.find("head_dim")) {
    config.head_dim = value->integer(2, 1 << 16);
    if (config.head_dim % 2 != 0) value->refuse("an even number: RoPE turns pairs");
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
  config.rms_norm_eps = optional_number(json, "rms_norm_eps", 1e-6);
  if (!(config.rms_norm_eps > 0)) json.at("rms_norm_eps").refuse("a number above 0");
  config.initializer_range = optional_number(json, "initializer_range", 0.02);
  if (!(config.initializer_range > 0)) json.at("initializer_range").refuse("a number above 0");
  if (const auto value = json.find("tie_word_embeddings")) config.tie_word_embeddings = value->boolean();
  config.bos_token_id = token_id(json, "bos_token_id");
  config.eos_token_id = token_id(json, "eos_token_id");

  const int64_t max_positions = json.at("max_position_embeddings").integer(2, kMaxLength);
  int64_t window = max_positions;
  // Attention here is full. A model trained with a sliding window agrees with that up to the window, which is
  // what the LongRoPE authors take for the original length of Mistral v0.1 and Phi-3-mini too.
  const auto use_sliding = json.find("use_sliding_window");
  if (const auto value = json.find("sliding_window"); value && (!use_sliding || use_sliding->boolean())) {
    window = std::min(window, value->integer(2, kMaxLength));
  }
  RopeSettings rope = read_rope_settings(json, config.rotary_pairs(), window, max_positions);
  config.rope_theta = rope.theta;
  config.original_window = rope.original_window;
  parsed.sets = std::move(rope.sets);
  return parsed;
}

}  // namespace ropeway
