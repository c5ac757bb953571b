#include "trainer/formats/gguf/gguf_family.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr int64_t kUnrotatedInterval = 4;  // of SmolLM3 in llama.cpp

// Gemma's largest models divide by their channels per head, the others by head_dim.
bool is_largest_gemma(std::string_view model_type, int64_t layers) {
  return (model_type == "gemma2" && layers == 46) || (model_type == "gemma3_text" && layers == 62);
}

double gemma_scalar(const ModelConfig& config) {
  return static_cast<double>(is_largest_gemma(config.model_type, config.num_layers)
                                 ? config.hidden_size / config.num_heads
                                 : config.head_dim);
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
  if (!family.gemma_keys) return;
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
  if (!family.gemma_keys) return;
  require(config.sliding_layers == every(family.absent_window_pattern, config.num_layers, false),
          "local and global layers alternate in another way");
  const double scale = 1 / std::sqrt(gemma_scalar(config));
  require(std::abs(config.score_scale() - scale) <= 1e-9 * scale, "scores have another scale");
  require(config.tie_word_embeddings, "the head is not the embedding");
  constexpr double kLocalTheta = 10000;
  require(config.local_rope_theta == 0 || config.local_rope_theta == kLocalTheta,
          "local layers have a RoPE base other than 10,000");
}

void add_gguf_family_keys(const ModelConfig& config, const std::string& prefix, GgufMetadata& metadata) {
  const Family& family = family_of(config.model_type);
  if (family.granite_keys) {
    metadata.add_f32(prefix + "embedding_scale", config.embedding_multiplier);
    metadata.add_f32(prefix + "residual_scale", config.residual_multiplier);
    metadata.add_f32(prefix + "attention.scale", config.score_scale());
    metadata.add_f32(prefix + "logit_scale", config.logit_divisor);
  }
  if (!family.gemma_keys) return;
  if (config.attention_softcap > 0) {
    metadata.add_f32(prefix + "attn_logit_softcapping", config.attention_softcap);
  }
  if (config.logit_softcap > 0) metadata.add_f32(prefix + "final_logit_softcapping", config.logit_softcap);
}

}  // namespace ropeway
