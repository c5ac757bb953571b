#include "trainer/formats/hf/family_keys.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxExperts = 1 << 16;

constexpr const char* kGeluTanh = "gelu_pytorch_tanh";

// A number above 0. null says none (0).
double multiplier(const JsonValue& json, const char* key, double absent) {
  const auto value = json.find(key);
  if (!value) return json.has(key) ? 0 : absent;
  const double number = value->number();
  if (!(number > 0) || !std::isfinite(number)) value->refuse("a number above 0");
  return number;
}

void read_granite(const JsonValue& json, ModelConfig& config) {
  const auto read = [&](const char* key) {
    const double value = multiplier(json, key, 1);
    return value > 0 ? value : 1;
  };
  config.embedding_multiplier = read("embedding_multiplier");
  config.residual_multiplier = read("residual_multiplier");
  config.attention_multiplier = read("attention_multiplier");
  config.logit_divisor = read("logits_scaling");
}

void read_score_keys(const JsonValue& json, const Family& family, ModelConfig& config) {
  constexpr double kAbsentScalar = 256;
  const double scalar = multiplier(json, "query_pre_attn_scalar", kAbsentScalar);
  config.attention_multiplier = 1 / std::sqrt(scalar > 0 ? scalar : kAbsentScalar);
  config.attention_softcap = multiplier(json, "attn_logit_softcapping", family.absent_attention_softcap);
  config.logit_softcap = multiplier(json, "final_logit_softcapping", family.absent_logit_softcap);
  const auto both_ways = json.find("use_bidirectional_attention");
  if (both_ways && both_ways->boolean()) both_ways->refuse("false: a query here sees nothing after itself");
}

// In no_rope_layers a 1 is a layer with RoPE.
void read_unrotated_layers(const JsonValue& json, ModelConfig& config) {
  constexpr int64_t kAbsentInterval = 4;
  std::vector<bool> unrotated(static_cast<size_t>(config.num_layers));
  if (const auto list = json.find("no_rope_layers")) {
    if (list->size() < config.num_layers) {
      list->refuse(
          fmt::format("a number for each of the {} layers, 1 with RoPE and 0 without", config.num_layers));
    }
    for (size_t i = 0; i < unrotated.size(); ++i) {
      unrotated[i] = list->at(static_cast<int64_t>(i)).integer(0, 1) == 0;
    }
  } else {
    int64_t interval = kAbsentInterval;
    if (const auto value = json.find("no_rope_layer_interval")) interval = value->integer(1, kMaxSize);
    for (size_t i = 0; i < unrotated.size(); ++i) unrotated[i] = (i + 1) % interval == 0;
  }
  config.unrotated_layers = unrotated;
}

void read_mixtral_experts(const JsonValue& json, ModelConfig& config) {
  const auto count = json.find("num_local_experts");
  config.num_experts = count ? count->integer(1, kMaxExperts) : 8;
  const auto chosen = json.find("num_experts_per_tok");
  config.experts_per_token = chosen ? chosen->integer(1, config.num_experts) : 2;
  config.normalized_experts = true;
}

void read_qwen_experts(const JsonValue& json, ModelConfig& config) {
  const char* const key = json.has("num_experts") ? "num_experts" : "num_local_experts";
  const auto count = json.find(key);
  config.num_experts = count ? count->integer(1, kMaxExperts) : 128;
  const auto chosen = json.find("num_experts_per_tok");
  config.experts_per_token = chosen ? chosen->integer(1, config.num_experts) : 8;
  const auto normalized = json.find("norm_topk_prob");
  config.normalized_experts = normalized && normalized->boolean();
  const auto inner = json.find("moe_intermediate_size");
  config.intermediate_size = inner ? inner->integer(1, kMaxSize) : 768;
  if (const auto dense = json.find("mlp_only_layers"); dense && dense->size() > 0) {
    dense->refuse("an empty list: every layer here has experts");
  }
  if (const auto step = json.find("decoder_sparse_step"); step && step->integer(1, kMaxSize) != 1) {
    step->refuse("1: every layer here has experts");
  }
}

ordered_json number_or_null(double value) { return value > 0 ? ordered_json(value) : ordered_json(nullptr); }

void write_score_keys(const ModelConfig& config, ordered_json& json) {
  const double scalar = 1 / (config.score_scale() * config.score_scale());
  json["query_pre_attn_scalar"] = std::llround(scalar);
  json["attn_logit_softcapping"] = number_or_null(config.attention_softcap);
  json["final_logit_softcapping"] = number_or_null(config.logit_softcap);
}

void write_experts(const ModelConfig& config, const Family& family, ordered_json& json) {
  const bool mixtral = family.experts == ExpertKeys::kMixtral;
  json[mixtral ? "num_local_experts" : "num_experts"] = config.num_experts;
  json["num_experts_per_tok"] = config.experts_per_token;
  json["output_router_logits"] = false;
  if (mixtral) return;
  json["norm_topk_prob"] = config.normalized_experts;
  json["moe_intermediate_size"] = config.intermediate_size;
  json["decoder_sparse_step"] = 1;
  json["mlp_only_layers"] = ordered_json::array();
}

void require_keys_for(const ModelConfig& config, const Family& family) {
  const auto require = [&](bool fits, const char* what) {
    if (!fits) {
      fail(ErrorKind::kBadData, "config.json of a {} model cannot say that it has {}", family.model_type,
           what);
    }
  };
  const double embedding_scale =
      family.scaled_embeddings ? std::sqrt(static_cast<double>(config.hidden_size)) : 1;
  require(family.granite_keys || family.score_keys || config.attention_multiplier == 0, "multipliers");
  require(family.granite_keys || config.embedding_multiplier == embedding_scale, "multipliers");
  require(family.granite_keys || (config.residual_multiplier == 1 && config.logit_divisor == 1),
          "multipliers");
  require(family.score_keys || (config.attention_softcap == 0 && config.logit_softcap == 0), "soft caps");
  require(family.no_rope_keys || config.unrotated_layers.empty(), "layers without RoPE");
  require((family.experts != ExpertKeys::kNone) == (config.num_experts > 0), "experts, or lacks them");
}

}  // namespace

void require_gate_activation(const JsonValue& json, const Family& family) {
  for (const char* key : {"hidden_act", "hidden_activation"}) {
    const auto value = json.find(key);
    if (!value) continue;
    const std::string name = value->string();
    if (family.gelu_gate ? name != kGeluTanh : name != "silu" && name != "swish") {
      value->refuse(fmt::format("\"{}\"", family.gelu_gate ? kGeluTanh : "silu"));
    }
  }
}

void read_family_keys(const JsonValue& json, const Family& family, ModelConfig& config) {
  if (family.granite_keys) read_granite(json, config);
  if (family.scaled_embeddings) {
    config.embedding_multiplier = std::sqrt(static_cast<double>(config.hidden_size));
  }
  if (family.score_keys) read_score_keys(json, family, config);
  if (family.no_rope_keys) read_unrotated_layers(json, config);
  if (family.experts == ExpertKeys::kMixtral) read_mixtral_experts(json, config);
  if (family.experts == ExpertKeys::kQwen) read_qwen_experts(json, config);
}

void write_family_keys(const ModelConfig& config, const Family& family, ordered_json& json) {
  require_keys_for(config, family);
  json["hidden_act"] = family.gelu_gate ? kGeluTanh : "silu";
  if (family.gelu_gate) json["hidden_activation"] = kGeluTanh;
  if (family.granite_keys) {
    json["embedding_multiplier"] = config.embedding_multiplier;
    json["residual_multiplier"] = config.residual_multiplier;
    json["attention_multiplier"] = config.score_scale();
    json["logits_scaling"] = config.logit_divisor;
  }
  if (family.score_keys) write_score_keys(config, json);
  if (family.no_rope_keys) {
    ordered_json with_rope = ordered_json::array();
    for (int64_t i = 0; i < config.num_layers; ++i) with_rope.push_back(config.rotates(i) ? 1 : 0);
    json["no_rope_layers"] = with_rope;
  }
  if (family.experts != ExpertKeys::kNone) write_experts(config, family, json);
}

}  // namespace ropeway
