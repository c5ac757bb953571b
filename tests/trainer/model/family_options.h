// Small cases of the families that are more than a Llama with biases and norms of heads: each has all that
// its family brings.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "tests/trainer/model/model_case.h"

namespace ropeway::testing {

struct FamilyOptions {
  std::string name;
  CaseOptions options;
};

// Of 32 tokens: 8 ranks can share them.
inline std::vector<FamilyOptions> family_options() {
  const auto multipliers = [](ModelConfig& config) {
    config.embedding_multiplier = 1.7;
    config.residual_multiplier = 0.6;
    config.attention_multiplier = 0.21;
    config.logit_divisor = 1.3;
  };
  const auto unrotated = [](ModelConfig& config) { config.unrotated_layers = {true, false, true}; };
  const auto window = [](ModelConfig& config) {
    config.sliding_window = 9;
    config.honours_window = true;
  };
  const auto some_windows = [](ModelConfig& config) {
    config.sliding_window = 5;
    config.sliding_layers = {true, false, true};
    config.honours_window = true;
  };
  // Two local layers and a global one, every way of scaling there is.
  const auto gemma = [](ModelConfig& config) {
    config.sliding_window = 6;
    config.sliding_layers = {true, true, false};
    config.embedding_multiplier = std::sqrt(static_cast<double>(config.hidden_size));
    config.attention_multiplier = 1 / std::sqrt(11.0);
    config.tie_word_embeddings = true;
  };
  const auto gemma2 = [gemma](ModelConfig& config) {
    gemma(config);
    config.attention_softcap = 1.5;
    config.logit_softcap = 2.5;
  };
  const auto gemma3 = [gemma](ModelConfig& config) {
    gemma(config);
    config.local_rope_theta = 90;
  };
  const auto experts = [](ModelConfig& config) {
    config.num_experts = 5;
    config.experts_per_token = 2;
    config.normalized_experts = true;
  };
  const auto unnormalized_experts = [experts](ModelConfig& config) {
    experts(config);
    config.experts_per_token = 3;
    config.normalized_experts = false;
  };
  return {
      {"gemma2", {.layers = 3, .family = "gemma2", .length = 32, .change = gemma2}},
      {"gemma3", {.layers = 3, .family = "gemma3_text", .qk_norm = true, .length = 32, .change = gemma3}},
      {"glm4", {.family = "glm4", .qkv_bias = true, .rotary_dim = 6, .length = 32}},
      {"mixtral", {.family = "mixtral", .length = 32, .change = experts}},
      {"qwen3_moe", {.family = "qwen3_moe", .qk_norm = true, .length = 32, .change = unnormalized_experts}},
      {"mistral_window", {.family = "mistral", .length = 32, .change = window}},
      {"qwen3_some_windows",
       {.layers = 3, .family = "qwen3", .qk_norm = true, .length = 32, .change = some_windows}},
      {"olmo2", {.family = "olmo2", .qk_norm = true, .length = 32}},
      {"olmo2_biases",
       {.kv_heads = 4,
        .family = "olmo2",
        .qkv_bias = true,
        .output_bias = true,
        .qk_norm = true,
        .length = 32}},
      {"granite", {.tied = true, .family = "granite", .length = 32, .change = multipliers}},
      {"smollm3", {.layers = 3, .family = "smollm3", .length = 32, .change = unrotated}},
  };
}

}  // namespace ropeway::testing
