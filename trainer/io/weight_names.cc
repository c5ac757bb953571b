// Names and shapes of the Llama family's weights in Hugging Face layout. Linear weights are [out, in].
#include "kernels/base/error.h"
#include "trainer/io/model_dir.h"

namespace ropeway {

std::vector<NamedShape> weight_names(const ModelConfig& config) {
  if (config.model_type != "llama" && config.model_type != "mistral") {
    fail(ErrorKind::kBadData,
         "model type '{}': its weights are laid out differently (fused projections); llama and mistral are "
         "read",
         config.model_type);
  }
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const int64_t queries = config.num_heads * config.head_dim, keys = config.num_kv_heads * config.head_dim;
  std::vector<NamedShape> names;
  names.push_back({"model.embed_tokens.weight", {config.vocab_size, hidden}});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    names.push_back({prefix + "input_layernorm.weight", {hidden}});
    names.push_back({prefix + "self_attn.q_proj.weight", {queries, hidden}});
    names.push_back({prefix + "self_attn.k_proj.weight", {keys, hidden}});
    names.push_back({prefix + "self_attn.v_proj.weight", {keys, hidden}});
    names.push_back({prefix + "self_attn.o_proj.weight", {hidden, queries}});
    names.push_back({prefix + "post_attention_layernorm.weight", {hidden}});
    names.push_back({prefix + "mlp.gate_proj.weight", {inner, hidden}});
    names.push_back({prefix + "mlp.up_proj.weight", {inner, hidden}});
    names.push_back({prefix + "mlp.down_proj.weight", {hidden, inner}});
  }
  names.push_back({"model.norm.weight", {hidden}});
  if (!config.tie_word_embeddings) names.push_back({"lm_head.weight", {config.vocab_size, hidden}});
  return names;
}

}  // namespace ropeway
