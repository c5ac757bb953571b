#include "trainer/formats/gguf/gguf_names.h"

#include <array>
#include <utility>

#include "kernels/base/error.h"
#include "trainer/family/families.h"

namespace ropeway {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array kOutside = {
    Pair{"model.embed_tokens.", "token_embd."},
    Pair{"model.norm.", "output_norm."},
    Pair{"lm_head.", "output."},
};
constexpr std::array kInside = {
    Pair{"self_attn.q_proj.", "attn_q."},
    Pair{"self_attn.k_proj.", "attn_k."},
    Pair{"self_attn.v_proj.", "attn_v."},
    Pair{"self_attn.qkv_proj.", "attn_qkv."},
    Pair{"self_attn.q_norm.", "attn_q_norm."},
    Pair{"self_attn.k_norm.", "attn_k_norm."},
    Pair{"self_attn.o_proj.", "attn_output."},
    Pair{"mlp.gate_proj.", "ffn_gate."},
    Pair{"mlp.up_proj.", "ffn_up."},
    Pair{"mlp.gate_up_proj.", "ffn_up."},  // both halves in one, gate first
    Pair{"mlp.down_proj.", "ffn_down."},
};

constexpr std::string_view kLayers = "model.layers.";

// The name of a norm of the residual stream, "" for other weights.
std::string_view norm_name(const NormNames& norms, std::string_view part) {
  if (part == norms.attention_in) return "attn_norm";
  if (part == norms.attention_out) return "post_attention_norm";
  if (part == norms.mlp_in) return "ffn_norm";
  if (part == norms.mlp_out) return "post_ffw_norm";
  return "";
}

}  // namespace

std::string gguf_outer_name(std::string_view hf_name) {
  for (const auto& [hf, gguf] : kOutside) {
    if (hf_name.starts_with(hf)) return std::string(gguf).append(hf_name.substr(hf.size()));
  }
  return "";
}

std::string gguf_weight_name(const Family& family, std::string_view hf_name) {
  if (std::string outer = gguf_outer_name(hf_name); !outer.empty()) return outer;
  const size_t dot = hf_name.find('.', kLayers.size());
  ROPEWAY_CHECK(hf_name.starts_with(kLayers) && dot != std::string_view::npos, "weight '{}'", hf_name);
  const std::string_view layer = hf_name.substr(kLayers.size(), dot - kLayers.size());
  const std::string_view rest = hf_name.substr(dot + 1);
  const std::string_view part = rest.substr(0, rest.find('.'));
  if (const std::string_view norm = norm_name(family.norms, part); !norm.empty()) {
    return fmt::format("blk.{}.{}{}", layer, norm, rest.substr(part.size()));
  }
  for (const auto& [hf, gguf] : kInside) {
    if (rest.starts_with(hf)) return fmt::format("blk.{}.{}{}", layer, gguf, rest.substr(hf.size()));
  }
  ROPEWAY_CHECK(false, "weight '{}' has no name in GGUF", hf_name);
  return {};
}

bool is_gguf_rope_table(std::string_view name) {
  return name == kRopeFreqs || name == kRopeFactorsLong || name == kRopeFactorsShort;
}

int64_t reordered_head_dim(const ModelConfig& config, std::string_view hf_name) {
  const std::string_view architecture = family_of(config.model_type).gguf_architecture;
  if (architecture != "llama" && architecture != "granite" && architecture != "smollm3") return 0;
  const bool is_q_or_k = hf_name.find(".self_attn.q_proj.") != std::string_view::npos ||
                         hf_name.find(".self_attn.k_proj.") != std::string_view::npos;
  return is_q_or_k ? config.head_dim : 0;
}

double gguf_norm_offset(const ModelConfig& config, std::string_view hf_name) {
  return hf_name.ends_with("norm.weight") ? config.norm_offset() : 0;
}

int64_t gguf_row(int64_t row, int64_t head_dim) {
  const int64_t within = row % head_dim, half = head_dim / 2;
  return row - within + within % half * 2 + within / half;
}

int64_t hf_row(int64_t row, int64_t head_dim) {
  const int64_t within = row % head_dim, half = head_dim / 2;
  return row - within + within % 2 * half + within / 2;
}

}  // namespace ropeway
