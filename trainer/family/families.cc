#include "trainer/family/families.h"

#include <fmt/format.h>

#include <array>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

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
