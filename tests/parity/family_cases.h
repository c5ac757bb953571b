// Small random models of every family and of odd shapes, with the RoPE they are compared under.
#pragma once

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/model_shape.h"
#include "trainer/family/model_config.h"

namespace ropeway::testing {

constexpr int64_t kWindow = 32;
constexpr int64_t kLongest = 6 * kWindow;

enum class Storage { kFloat, kShardedHalf, kShardedBFloat16 };

struct FamilyCase {
  std::string name;
  ModelConfig config;
  bool longrope = true;              // "short" and "long" sets; otherwise what rope_block says, or plain RoPE
  bool formula_temperature = false;  // theirs is what config.json need not state
  std::string
      rope_key;  // "rope_scaling" (transformers 4) or "rope_parameters" (5) instead of what is written
  std::string rope_block;     // its JSON
  int64_t max_positions = 0;  // config.json's, beside rope_block
  Storage storage = Storage::kFloat;
  bool bf16 = false;  // also compared in bf16

  friend std::ostream& operator<<(std::ostream& out, const FamilyCase& c) { return out << c.name; }
};

inline ModelConfig small_model(const std::string& family) {
  ModelConfig config = make_config({.family = family.c_str(),
                                    .vocab = 29,
                                    .hidden = 32,
                                    .intermediate = 56,
                                    .head_dim = 8,
                                    .window = kWindow,
                                    .rope_theta = 1000});
  config.qkv_bias = family == "qwen2";
  return config;
}

inline FamilyCase family_case(std::string name, const std::string& family) {
  FamilyCase c;
  c.name = std::move(name);
  c.config = small_model(family);
  return c;
}

inline std::vector<FamilyCase> family_cases() {
  std::vector<FamilyCase> cases;
  const auto add = [&cases](FamilyCase c) -> FamilyCase& { return cases.emplace_back(std::move(c)); };
  const auto with_block = [&](const char* name, const char* family, const char* key, const char* block,
                              int64_t max_positions) -> FamilyCase& {
    FamilyCase& c = add(family_case(name, family));
    c.longrope = false;
    c.rope_key = key;
    c.rope_block = block;
    c.max_positions = max_positions;
    return c;
  };

  {  // Biases everywhere.
    FamilyCase& c = add(family_case("llama_biases", "llama"));
    c.config.qkv_bias = c.config.output_bias = c.config.mlp_bias = true;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("llama_tied_odd_sizes", "llama"));
    c.config.hidden_size = 27;
    c.config.num_heads = c.config.num_kv_heads = 3;
    c.config.head_dim = 10;
    c.config.intermediate_size = 43;
    c.config.vocab_size = 17;
    c.config.tie_word_embeddings = true;
    c.config.num_layers = 3;
    c.storage = Storage::kShardedHalf;
  }
  {
    FamilyCase& c = add(family_case("llama_multi_query_wide_heads", "llama"));
    c.config.hidden_size = 24;
    c.config.num_kv_heads = 1;
    c.config.head_dim = 16;
  }
  add(family_case("llama_plain_rope", "llama")).longrope = false;
  with_block("llama3_transformers_4", "llama", "rope_scaling",
             R"({"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4.0,)"
             R"("original_max_position_embeddings":64})",
             256);
  with_block("llama_yarn_transformers_4_integer_factor", "llama", "rope_scaling",
             R"({"type":"yarn","factor":4,"original_max_position_embeddings":32})", 128)
      .storage = Storage::kShardedBFloat16;
  {
    FamilyCase& c = add(family_case("mistral_head_dim", "mistral"));
    c.config.head_dim = 12;
    c.config.num_kv_heads = 1;
    c.storage = Storage::kShardedBFloat16;
  }
  with_block("mistral_linear", "mistral", "rope_scaling", R"({"type":"linear","factor":4.0})", 32);
  {  // Below, at and beyond the window.
    FamilyCase& c = add(family_case("mistral_sliding_window", "mistral"));
    c.longrope = false;
    c.config.sliding_window = kWindow;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("phi3_sliding_window_and_factors", "phi3"));
    c.config.sliding_window = kWindow + 1;
    c.config.rotary_dim = 6;
  }
  {
    FamilyCase& c = add(family_case("qwen3_some_layers_slide", "qwen3"));
    c.config.num_layers = 3;
    c.config.sliding_window = kWindow - 4;
    c.config.sliding_layers = {false, true, false};
  }
  {
    FamilyCase& c = add(family_case("phi3_partial_rotary", "phi3"));
    c.config.rotary_dim = 6;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("phi3_tied_sharded", "phi3"));
    c.config.hidden_size = 30;
    c.config.num_heads = c.config.num_kv_heads = 3;
    c.config.head_dim = 10;
    c.config.tie_word_embeddings = true;
    c.storage = Storage::kShardedBFloat16;
    c.formula_temperature = true;
  }
  add(family_case("phi3_plain_rope", "phi3")).longrope = false;
  {
    FamilyCase& c = add(family_case("qwen2_tied", "qwen2"));
    c.config.tie_word_embeddings = true;
    c.config.rms_norm_eps = 1e-6;
    c.storage = Storage::kShardedHalf;
  }
  with_block("qwen2_yarn_transformers_5", "qwen2", "rope_parameters",
             R"({"rope_type":"yarn","rope_theta":1000,"factor":4.0,"original_max_position_embeddings":32,)"
             R"("mscale":0.7,"mscale_all_dim":1.3,"beta_fast":8,"beta_slow":0.5,"truncate":false})",
             128);
  {
    FamilyCase& c = add(family_case("qwen3_multi_query", "qwen3"));
    c.config.head_dim = 14;
    c.config.num_kv_heads = 1;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("qwen3_biases_tied", "qwen3"));
    c.config.qkv_bias = c.config.output_bias = true;
    c.formula_temperature = true;
    c.config.tie_word_embeddings = true;
    c.storage = Storage::kShardedBFloat16;
  }
  {  // Norms after attention and MLP, norms of all heads together.
    FamilyCase& c = add(family_case("olmo2", "olmo2"));
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("olmo2_biases_plain_rope", "olmo2"));
    c.longrope = false;
    c.config.num_kv_heads = c.config.num_heads;
    c.config.qkv_bias = c.config.output_bias = true;
  }
  {
    FamilyCase& c = add(family_case("granite_multipliers", "granite"));
    c.config.embedding_multiplier = 2.5;
    c.config.residual_multiplier = 0.22;
    c.config.attention_multiplier = 0.4;
    c.config.logit_divisor = 1.6;
    c.config.tie_word_embeddings = true;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("smollm3_unrotated_layers", "smollm3"));
    c.config.num_layers = 4;
    c.config.unrotated_layers = {false, true, false, true};
    c.config.tie_word_embeddings = true;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("smollm3_mlp_biases", "smollm3"));
    c.config.unrotated_layers = {true, false};
    c.config.mlp_bias = true;
    c.formula_temperature = true;
  }
  const auto gemma = [](ModelConfig& config, std::vector<bool> slides) {
    config.num_layers = static_cast<int64_t>(slides.size());
    config.sliding_window = kWindow;
    config.sliding_layers = std::move(slides);
    config.embedding_multiplier = std::sqrt(static_cast<double>(config.hidden_size));
    config.attention_multiplier = 1 / std::sqrt(20.0);
    config.tie_word_embeddings = true;
  };
  {  // Local and global layers, caps that matter.
    FamilyCase& c = add(family_case("gemma2", "gemma2"));
    gemma(c.config, {true, false});
    c.config.attention_softcap = 4;
    c.config.logit_softcap = 5;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("gemma2_plain_rope_without_caps", "gemma2"));
    gemma(c.config, {false, true, true});
    c.longrope = false;
    c.storage = Storage::kShardedBFloat16;
  }
  {  // Two RoPEs; factors are of the global layers alone.
    FamilyCase& c = add(family_case("gemma3", "gemma3_text"));
    gemma(c.config, {true, true, false});
    c.config.local_rope_theta = 300;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("gemma3_plain_rope", "gemma3_text"));
    gemma(c.config, {true, false});
    c.config.local_rope_theta = 300;
    c.longrope = false;
    c.storage = Storage::kShardedHalf;
  }
  {
    FamilyCase& c = with_block("gemma3_linear_transformers_4", "gemma3_text", "rope_scaling",
                               R"({"rope_type":"linear","factor":4.0})", 32);
    gemma(c.config, {true, false});
    c.config.local_rope_theta = 300;
  }
  {  // Interleaved pairs, in half of a head.
    FamilyCase& c = add(family_case("glm4", "glm4"));
    c.config.rotary_dim = 4;
    c.config.qkv_bias = true;
    c.bf16 = true;
  }
  {
    FamilyCase& c = add(family_case("glm4_without_biases_plain_rope", "glm4"));
    c.config.rotary_dim = 6;
    c.longrope = false;
    c.storage = Storage::kShardedBFloat16;
  }
  {
    FamilyCase& c = add(family_case("mixtral", "mixtral"));
    c.config.num_experts = 5;
    c.config.experts_per_token = 2;
    c.config.normalized_experts = true;
  }
  {
    FamilyCase& c = add(family_case("qwen3_moe", "qwen3_moe"));
    c.config.num_experts = 6;
    c.config.experts_per_token = 3;
  }
  {
    FamilyCase& c = add(family_case("qwen3_moe_normalized_plain_rope", "qwen3_moe"));
    c.config.num_experts = 4;
    c.config.experts_per_token = 2;
    c.config.normalized_experts = true;
    c.longrope = false;
    c.storage = Storage::kShardedBFloat16;
  }
  return cases;
}

}  // namespace ropeway::testing
