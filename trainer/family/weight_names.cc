// Names and shapes of a model's weights in Hugging Face layout, from the row of its family and its shape.
// Linear weights are [out, in].
#include "trainer/family/weight_names.h"

#include "kernels/base/error.h"
#include "trainer/family/families.h"

namespace ropeway {
namespace {

// Outputs of projections that lie one below the other, as one tensor or as one each. Either way the same
// memory of a flat array in this order holds them.
struct Part {
  const char* name;
  int64_t rows;
};

class Names {
 public:
  explicit Names(const ModelConfig& config) : family_(family_of(config.model_type)) {}

  void add(const std::string& name, std::vector<int64_t> shape) {
    names_.push_back({name, std::move(shape)});
  }

  // The parts' weights, then their biases.
  void add_projection(const std::string& prefix, std::vector<Part> parts, const char* fused_name,
                      int64_t columns, bool bias) {
    const bool fused = family_.fused_projections || (family_.fused_mlp && prefix.ends_with("mlp."));
    if (fused && parts.size() > 1) {
      int64_t rows = 0;
      for (const Part& part : parts) rows += part.rows;
      parts = {{fused_name, rows}};
    }
    for (const Part& part : parts) add(prefix + part.name + ".weight", {part.rows, columns});
    if (!bias) return;
    for (const Part& part : parts) add(prefix + part.name + ".bias", {part.rows});
  }

  void add_norm(const std::string& prefix, std::string_view name, int64_t channels) {
    if (!name.empty()) add(prefix + std::string(name) + ".weight", {channels});
  }

  // The router, then gate, up and down of every expert, which the engine reads as one array.
  void add_experts(const std::string& layer, const ModelConfig& config) {
    const bool mixtral = family_.experts == ExpertKeys::kMixtral;
    const std::string mlp = layer + (mixtral ? "block_sparse_moe." : "mlp.");
    const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
    add(mlp + "gate.weight", {config.num_experts, hidden});
    for (int64_t i = 0; i < config.num_experts; ++i) {
      const std::string expert = fmt::format("{}experts.{}.", mlp, i);
      add(expert + (mixtral ? "w1" : "gate_proj") + ".weight", {inner, hidden});
      add(expert + (mixtral ? "w3" : "up_proj") + ".weight", {inner, hidden});
      add(expert + (mixtral ? "w2" : "down_proj") + ".weight", {hidden, inner});
    }
  }

  std::vector<NamedShape> take() { return std::move(names_); }

 private:
  const Family& family_;
  std::vector<NamedShape> names_;
};

}  // namespace

std::vector<NamedShape> weight_names(const ModelConfig& config) {
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const int64_t queries = config.num_heads * config.head_dim, keys = config.num_kv_heads * config.head_dim;
  const NormNames& norms = family_of(config.model_type).norms;
  Names names(config);
  names.add("model.embed_tokens.weight", {config.vocab_size, hidden});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    const std::string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
    names.add_norm(prefix, norms.attention_in, hidden);
    names.add_projection(attention, {{"q_proj", queries}, {"k_proj", keys}, {"v_proj", keys}}, "qkv_proj",
                         hidden, config.qkv_bias);
    if (config.qk_norm) {
      names.add_norm(attention, "q_norm", config.whole_qk_norm ? queries : config.head_dim);
      names.add_norm(attention, "k_norm", config.whole_qk_norm ? keys : config.head_dim);
    }
    names.add_projection(attention, {{"o_proj", hidden}}, nullptr, queries, config.output_bias);
    names.add_norm(prefix, norms.attention_out, hidden);
    names.add_norm(prefix, norms.mlp_in, hidden);
    if (config.num_experts > 0) {
      names.add_experts(prefix, config);
    } else {
      names.add_projection(mlp, {{"gate_proj", inner}, {"up_proj", inner}}, "gate_up_proj", hidden,
                           config.mlp_bias);
      names.add_projection(mlp, {{"down_proj", hidden}}, nullptr, inner, config.mlp_bias);
    }
    names.add_norm(prefix, norms.mlp_out, hidden);
  }
  names.add("model.norm.weight", {hidden});
  if (!config.tie_word_embeddings) names.add("lm_head.weight", {config.vocab_size, hidden});
  return names.take();
}

}  // namespace ropeway
