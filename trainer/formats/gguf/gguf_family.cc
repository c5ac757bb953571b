#include "trainer/formats/gguf/gguf_family.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr int64_t kUnrotatedInterval = 4;  // of SmolLM3 in llama.cpp
constexpr int64_t kMaxLength = int64_t{1} << 40;

bool has_windows(const Family& family) {
  return family.sliding_window != SlidingWindowKeys::kNone &&
         family.sliding_window != SlidingWindowKeys::kUnread;
}

// Gemma's largest models divide by their channels per head, the others by head_dim.
bool is_largest_gemma(std::string_view model_type, int64_t layers) {
  return (model_type == "gemma2" && layers == 46) || (model_type == "gemma3_text" && layers == 62);
}

double gemma_scalar(const ModelConfig& config) {
  return static_cast<double>(is_largest_gemma(config.model_type, config.num_layers)
                                 ? config.hidden_size / config.num_heads
                                 : config.head_dim);
}

// The window, and which layers have it: llama.cpp's pattern is a period, of which the last layer is a global
// one, or a truth value per layer.
void add_sliding_window(const GgufFile& file, const std::string& prefix, const Family& family,
                        nlohmann::ordered_json& json) {
  const auto window = file.find(prefix + "attention.sliding_window");
  const int64_t tokens = window ? window->integer(0, kMaxLength) : 0;
  const bool pattern = family.sliding_window == SlidingWindowKeys::kPattern;
  // llama.cpp's llama reads no window. Its olmo2 does, for OLMo 3.
  if (tokens > 0 && !has_windows(family) && family.gguf_architecture != "llama") {
    window->refuse(fmt::format("0: sliding windows of {} models are not known here", family.model_type));
  }
  if (tokens > 0) {
    json["sliding_window"] = tokens;
  } else if (window || !pattern) {
    json["sliding_window"] = nullptr;
  }
  const auto layers = file.find(prefix + "attention.sliding_window_pattern");
  if (!layers || !pattern) return;
  if (!layers->is_array()) {
    json["sliding_window_pattern"] = layers->integer(1, kMaxLength);
    return;
  }
  for (const bool slides : layers->booleans()) {
    json["layer_types"].push_back(slides ? "sliding_attention" : "full_attention");
  }
}

std::vector<bool> every(int64_t interval, int64_t layers, bool value) {
  std::vector<bool> list;
  for (int64_t i = 0; i < layers; ++i) list.push_back(((i + 1) % interval == 0) == value);
  return list;
}

}  // namespace

void read_gguf_family_keys(const GgufFile& file, const std::string& prefix, const Family& family,
                           nlohmann::ordered_json& json) {
  const auto copy = [&](const char* gguf_key, const char* key) {
    if (const auto value = file.find(prefix + gguf_key)) json[key] = value->number();
  };
  if (family.granite_keys) {
    copy("embedding_scale", "embedding_multiplier");
    copy("residual_scale", "residual_multiplier");
    copy("attention.scale", "attention_multiplier");
    copy("logit_scale", "logits_scaling");
  }
  if (family.no_rope_keys) json["no_rope_layer_interval"] = kUnrotatedInterval;
  add_sliding_window(file, prefix, family, json);
  if (family.local_rope_keys) copy("rope.freq_base_swa", "rope_local_base_freq");
  if (!family.score_keys) return;
  const int64_t layers = json["num_hidden_layers"], hidden = json["hidden_size"];
  const int64_t heads = json["num_attention_heads"], head_dim = json["head_dim"];
  json["query_pre_attn_scalar"] = is_largest_gemma(family.model_type, layers) ? hidden / heads : head_dim;
  copy("attn_logit_softcapping", "attn_logit_softcapping");
  copy("final_logit_softcapping", "final_logit_softcapping");
}

void require_gguf_family(const ModelConfig& config, const std::string& where) {
  const Family& family = family_of(config.model_type);
  const auto require = [&](bool fits, const char* what) {
    if (!fits) {
      fail(ErrorKind::kBadData, "{}: {}, which GGUF's architecture {} cannot say", where, what,
           family.gguf_architecture);
    }
  };
  require(config.num_experts == 0, "the MLP is a choice of experts");
  if (family.no_rope_keys) {
    require(config.unrotated_layers == every(kUnrotatedInterval, config.num_layers, true),
            "layers without RoPE are others than every fourth");
  }
  if (family.sliding_window != SlidingWindowKeys::kPattern) return;
  require(config.sliding_layers == every(family.absent_window_pattern, config.num_layers, false),
          "local and global layers alternate in another way");
  const double scale = 1 / std::sqrt(gemma_scalar(config));
  require(std::abs(config.score_scale() - scale) <= 1e-9 * scale, "scores have another scale");
  require(config.tie_word_embeddings, "the head is not the embedding");
  const bool local_rope = family.local_rope_keys;
  require(config.sliding_window > 0, "local layers have no window");
  require(!local_rope || config.attention_softcap == 0, "scores have a soft cap");
  require(local_rope || (config.attention_softcap > 0 && config.logit_softcap > 0),
          "scores or logits have no soft cap");
}

void add_gguf_family_keys(const ModelConfig& config, const std::string& prefix, GgufMetadata& metadata) {
  const Family& family = family_of(config.model_type);
  if (family.granite_keys) {
    metadata.add_f32(prefix + "embedding_scale", config.embedding_multiplier);
    metadata.add_f32(prefix + "residual_scale", config.residual_multiplier);
    metadata.add_f32(prefix + "attention.scale", config.score_scale());
    metadata.add_f32(prefix + "logit_scale", config.logit_divisor);
  }
  if (config.sliding_window > 0 &&
      (family.gguf_architecture == "phi3" || family.sliding_window == SlidingWindowKeys::kPattern)) {
    metadata.add_u32(prefix + "attention.sliding_window", config.sliding_window);
  }
  if (family.local_rope_keys) metadata.add_f32(prefix + "rope.freq_base_swa", config.local_rope_theta);
  if (config.attention_softcap > 0) {
    metadata.add_f32(prefix + "attn_logit_softcapping", config.attention_softcap);
  }
  if (config.logit_softcap > 0) metadata.add_f32(prefix + "final_logit_softcapping", config.logit_softcap);
}

}  // namespace ropeway
