#include "trainer/family/families.h"

#include <fmt/format.h>

#include <array>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr NormNames kGemmaNorms = {.attention_out = "post_attention_layernorm",
                                   .mlp_in = "pre_feedforward_layernorm",
                                   .mlp_out = "post_feedforward_layernorm"};

constexpr std::array kFamilies = {
    Family{.model_type = "llama",
           .class_name = "LlamaForCausalLM",
           .gguf_architecture = "llama",
           .attention_bias_key = true,
           .mlp_bias_key = true},
    Family{.model_type = "mistral",
           .class_name = "MistralForCausalLM",
           .gguf_architecture = "llama",
           .sliding_window = SlidingWindowKeys::kWindow,
           .absent_num_kv_heads = 8,
           .absent_sliding_window = 4096},
    Family{.model_type = "phi3",
           .class_name = "Phi3ForCausalLM",
           .gguf_architecture = "phi3",
           .fused_projections = true,
           .partial_rotary = true,
           .sliding_window = SlidingWindowKeys::kWindow,
           .default_padding = true,
           .phi3_keys = true,
           .absent_rms_norm_eps = 1e-5},
    Family{.model_type = "qwen2",
           .class_name = "Qwen2ForCausalLM",
           .gguf_architecture = "qwen2",
           .qkv_bias = true,
           .sliding_window = SlidingWindowKeys::kQwen,
           .absent_num_kv_heads = 32,
           .absent_sliding_window = 4096},
    Family{.model_type = "qwen3",
           .class_name = "Qwen3ForCausalLM",
           .gguf_architecture = "qwen3",
           .attention_bias_key = true,
           .qk_norm = true,
           .sliding_window = SlidingWindowKeys::kQwen,
           .absent_num_kv_heads = 32,
           .absent_head_dim = 128,
           .absent_sliding_window = 4096},
    Family{.model_type = "olmo2",
           .class_name = "Olmo2ForCausalLM",
           .gguf_architecture = "olmo2",
           .attention_bias_key = true,
           .qk_norm = true,
           .whole_qk_norm = true,
           .norms = {.attention_in = "",
                     .attention_out = "post_attention_layernorm",
                     .mlp_in = "",
                     .mlp_out = "post_feedforward_layernorm"},
           .default_padding = true,
           .absent_rms_norm_eps = 1e-5},
    Family{.model_type = "granite",
           .class_name = "GraniteForCausalLM",
           .gguf_architecture = "granite",
           .attention_bias_key = true,
           .mlp_bias_key = true,
           .granite_keys = true},
    Family{.model_type = "smollm3",
           .class_name = "SmolLM3ForCausalLM",
           .gguf_architecture = "smollm3",
           .attention_bias_key = true,
           .mlp_bias_key = true,
           .sliding_window = SlidingWindowKeys::kUnread,
           .default_padding = true,
           .no_rope_keys = true,
           .absent_num_kv_heads = 4,
           .absent_rope_theta = 2e6,
           .absent_tie = true},
    Family{.model_type = "gemma2",
           .class_name = "Gemma2ForCausalLM",
           .gguf_architecture = "gemma2",
           .attention_bias_key = true,
           .norms = kGemmaNorms,
           .offset_norms = true,
           .gelu_gate = true,
           .sliding_window = SlidingWindowKeys::kPattern,
           .default_padding = true,
           .scaled_embeddings = true,
           .score_keys = true,
           .absent_num_kv_heads = 4,
           .absent_head_dim = 256,
           .absent_sliding_window = 4096,
           .absent_tie = true,
           .absent_window_pattern = 2,
           .absent_attention_softcap = 50,
           .absent_logit_softcap = 30},
    Family{.model_type = "gemma3_text",
           .class_name = "Gemma3ForCausalLM",
           .gguf_architecture = "gemma3",
           .attention_bias_key = true,
           .qk_norm = true,
           .norms = kGemmaNorms,
           .offset_norms = true,
           .gelu_gate = true,
           .sliding_window = SlidingWindowKeys::kPattern,
           .default_padding = true,
           .scaled_embeddings = true,
           .score_keys = true,
           .local_rope_keys = true,
           .absent_num_kv_heads = 4,
           .absent_head_dim = 256,
           .absent_sliding_window = 4096,
           .absent_rope_theta = 1e6,
           .absent_tie = true,
           .absent_window_pattern = 6},
    Family{.model_type = "glm4",
           .class_name = "Glm4ForCausalLM",
           .gguf_architecture = "glm4",
           .attention_bias_key = true,
           .output_bias = false,
           .fused_mlp = true,
           .norms = {.attention_out = "post_self_attn_layernorm", .mlp_out = "post_mlp_layernorm"},
           .interleaved_rope = true,
           .partial_rotary = true,
           .default_padding = true,
           .absent_rms_norm_eps = 1.5625e-7,
           .absent_num_kv_heads = 2,
           .absent_head_dim = 128,
           .absent_partial_rotary = 0.5,
           .absent_attention_bias = true},
    Family{.model_type = "mixtral",
           .class_name = "MixtralForCausalLM",
           .gguf_architecture = "llama",
           .experts = ExpertKeys::kMixtral,
           .sliding_window = SlidingWindowKeys::kWindow,
           .absent_rms_norm_eps = 1e-5,
           .absent_num_kv_heads = 8,
           .absent_rope_theta = 1e6},
    Family{.model_type = "qwen3_moe",
           .class_name = "Qwen3MoeForCausalLM",
           .gguf_architecture = "qwen3moe",
           .attention_bias_key = true,
           .qk_norm = true,
           .experts = ExpertKeys::kQwen,
           .sliding_window = SlidingWindowKeys::kUnread,
           .absent_num_kv_heads = 4},
};

}  // namespace

std::span<const Family> families() { return kFamilies; }

const Family* find_family(std::string_view model_type) {
  for (const Family& family : kFamilies) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

const Family& family_of(std::string_view model_type) {
  const Family* family = find_family(model_type);
  if (family == nullptr) {
    fail(ErrorKind::kBadData, "model type '{}': not one of the decoders this program has: {}", model_type,
         family_names());
  }
  return *family;
}

std::string family_names() {
  std::string names;
  for (const Family& family : kFamilies) {
    names += (names.empty() ? "" : ", ");
    names += family.model_type;
  }
  return names;
}

}  // namespace ropeway
