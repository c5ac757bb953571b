// config.json of every family: what is read, what is refused, and that what is written is read back.
#include <cmath>

#include "tests/support/folder_test.h"
#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/family/sliding_window.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

class FamilyConfig : public FolderTest {
 protected:
  ParsedConfig read(const std::string& text) {
    write_bytes(folder_ / "config.json", text);
    return read_hf_config(folder_ / "config.json");
  }
  // A small model of the family with further members.
  ParsedConfig read(const std::string& family, const std::string& members) {
    return read(R"({"model_type":")" + family +
                R"(","vocab_size":100,"hidden_size":256,"intermediate_size":64,"num_hidden_layers":4,)"
                R"("num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":8192)" +
                (members.empty() ? "" : "," + members) + "}");
  }
  void expect_refused(const std::string& family, const std::string& members, const std::string& said) {
    expect_error(ErrorKind::kBadData, {(folder_ / "config.json").string() + ": ", said},
                 [&] { read(family, members); });
  }
};

TEST_F(FamilyConfig, Qwen2HasBiasesOfQkvWithoutAKey) {
  const ModelConfig config = read("qwen2", "").config;
  EXPECT_TRUE(config.qkv_bias);
  EXPECT_FALSE(config.output_bias);
  EXPECT_FALSE(config.mlp_bias);
}

TEST_F(FamilyConfig, LlamaHasBiasesByItsKeys) {
  EXPECT_FALSE(read("llama", "").config.qkv_bias);
  const ModelConfig attention = read("llama", R"("attention_bias":true)").config;
  EXPECT_TRUE(attention.qkv_bias && attention.output_bias && !attention.mlp_bias);
  const ModelConfig mlp = read("llama", R"("mlp_bias":true)").config;
  EXPECT_TRUE(!mlp.qkv_bias && !mlp.output_bias && mlp.mlp_bias);
}

TEST_F(FamilyConfig, BiasesThatAFamilyHasNotAreRefused) {
  expect_refused("mistral", R"("attention_bias":true)",
                 "attention_bias: found true, wanted false: mistral models have no such key");
  expect_refused("phi3", R"("mlp_bias":true)", "mlp_bias: found true, wanted false: phi3 models");
}

TEST_F(FamilyConfig, Qwen3HasHeadNormsAndHeadsOf128) {
  const ModelConfig config = read("qwen3", "").config;
  EXPECT_TRUE(config.qk_norm);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(read("qwen3", R"("head_dim":32)").config.head_dim, 32);
}

TEST_F(FamilyConfig, Phi3TurnsAShareOfAHead) {
  EXPECT_EQ(read("phi3", "").config.rotary_pairs(), 32);
  EXPECT_EQ(read("phi3", R"("partial_rotary_factor":0.75)").config.rotary_pairs(), 24);
  EXPECT_EQ(read("phi3", R"("rope_parameters":{"rope_type":"default","partial_rotary_factor":0.5})")
                .config.rotary_pairs(),
            16);
  expect_refused("phi3", R"("partial_rotary_factor":0.33)",
                 "partial_rotary_factor: found 0.33, wanted a share");
  expect_refused("phi3", R"("partial_rotary_factor":1.5)", "partial_rotary_factor: found 1.5");
  expect_refused(
      "phi3",
      R"("partial_rotary_factor":0.75,"rope_parameters":{"rope_type":"default","partial_rotary_factor":0.5})",
      "partial_rotary_factor: found 0.75, wanted the same");
  expect_refused("qwen2", R"("partial_rotary_factor":0.75)",
                 "wanted 1: in qwen2 models RoPE turns whole heads");
}

TEST_F(FamilyConfig, FactorsAreOneARotaryPair) {
  const std::string longrope = R"("original_max_position_embeddings":4096,"rope_scaling":{"type":"longrope",)"
                               R"("short_factor":[1,1,1],"long_factor":[1,2,3]})";
  // 3 pairs: 6 of 64 dims.
  EXPECT_EQ(read("phi3", R"("partial_rotary_factor":0.1,)" + longrope).sets.back().factors.size(), 3u);
  expect_refused("phi3", R"("partial_rotary_factor":0.75,)" + longrope,
                 "rope_scaling.short_factor: found an array of 3, wanted an array of 24");
}

// Phi3Config of transformers takes "su" and "yarn" for what is called longrope now.
TEST_F(FamilyConfig, YarnOfEarlyPhi3IsLongrope) {
  const std::string members = R"("partial_rotary_factor":0.0625,"original_max_position_embeddings":4096,)"
                              R"("rope_scaling":{"type":"yarn","short_factor":[1,1.5],"long_factor":[2,3]})";
  const auto parsed = read("phi3", members);
  ASSERT_EQ(parsed.sets.size(), 2u);
  EXPECT_EQ(parsed.sets[1].name, "long");
  EXPECT_EQ(parsed.sets[1].factors, (std::vector<double>{2, 3}));
}

TEST_F(FamilyConfig, SlidingWindowIsCarriedAndIsTheOriginalWindow) {
  for (const char* family : {"mistral", "phi3"}) {
    const ModelConfig config = read(family, R"("sliding_window":4096)").config;
    EXPECT_EQ(config.sliding_window, 4096) << family;
    EXPECT_EQ(config.original_window, 4096) << family;
    EXPECT_EQ(config.max_position_embeddings, 8192) << family;
    const ModelConfig none = read(family, R"("sliding_window":null)").config;
    EXPECT_EQ(none.sliding_window, 0) << family;
    EXPECT_EQ(none.original_window, 8192) << family;
    EXPECT_EQ(none.max_position_embeddings, 0) << family;
  }
  EXPECT_EQ(read("llama", R"("sliding_window":4096)").config.sliding_window, 0);
}

TEST_F(FamilyConfig, AbsentSlidingWindowMeansWhatTransformersTakes) {
  EXPECT_EQ(read("mistral", "").config.sliding_window, 4096);
  EXPECT_EQ(read("phi3", "").config.sliding_window, 0);
}

TEST_F(FamilyConfig, SlidingWindowBesideLongFactorsLeavesTheirWindow) {
  const auto parsed =
      read("phi3", R"("partial_rotary_factor":0.0625,"sliding_window":262144,)"
                   R"("original_max_position_embeddings":4096,)"
                   R"("rope_scaling":{"type":"longrope","short_factor":[1,1],"long_factor":[2,3]})");
  EXPECT_EQ(parsed.config.original_window, 4096);
  EXPECT_EQ(parsed.config.sliding_window, 262144);
}

TEST_F(FamilyConfig, QwenSlidesOnlyWhenItSaysSo) {
  const auto window = [&](const std::string& members) {
    const ModelConfig config = read("qwen2", members).config;
    return std::pair(config.sliding_window, config.sliding_layers);
  };
  using Window = std::pair<int64_t, std::vector<bool>>;
  const Window none{0, {}};
  EXPECT_EQ(window(""), none);
  EXPECT_EQ(window(R"("sliding_window":4096,"use_sliding_window":false,"max_window_layers":2)"), none);
  EXPECT_EQ(window(R"("sliding_window":4096,"use_sliding_window":true,"max_window_layers":4)"), none);
  EXPECT_EQ(window(R"("sliding_window":4096,"use_sliding_window":true,"max_window_layers":2)"),
            (Window{4096, {false, false, true, true}}));
  EXPECT_EQ(window(R"("sliding_window":4096,"use_sliding_window":true,"layer_types":)"
                   R"(["full_attention","sliding_attention","sliding_attention","sliding_attention"])"),
            (Window{4096, {false, true, true, true}}));
  EXPECT_EQ(window(R"("sliding_window":4096,"use_sliding_window":true,"layer_types":)"
                   R"(["sliding_attention","full_attention","full_attention","sliding_attention"])"),
            (Window{4096, {true, false, false, true}}));
  EXPECT_EQ(window(R"("sliding_window":4096,"use_sliding_window":true,"max_window_layers":0)"),
            (Window{4096, {}}));
}

TEST_F(FamilyConfig, LayerTypesThatCannotBeToldAreRefused) {
  const std::string start = R"("sliding_window":4096,"use_sliding_window":true,"layer_types":)";
  expect_refused("qwen3",
                 start + R"(["linear_attention","full_attention","full_attention","full_attention"])",
                 "layer_types[0]: found \"linear_attention\"");
  expect_refused("qwen3", start + R"(["full_attention"])",
                 "layer_types: found an array of 1, wanted one type");
  expect_refused(
      "mistral",
      R"("layer_types":["full_attention","sliding_attention","sliding_attention","sliding_attention"])",
      "wanted sliding_attention everywhere");
}

TEST_F(FamilyConfig, LongerSequencesThanTheSlidingWindowAreRefused) {
  ModelConfig config = read("mistral", R"("sliding_window":4096)").config;
  EXPECT_NO_THROW(require_within_sliding_window(config, 4096, "x"));
  expect_error(
      ErrorKind::kBadData, {"x: 4097 tokens", "sliding window of 4096"},
      [&] { require_within_sliding_window(config, 4097, "x"); }, WayOut::kAttendFully);
  attend_fully(config);
  EXPECT_NO_THROW(require_within_sliding_window(config, 4097, "x"));
  // What is saved then no longer speaks of a window.
  const ModelConfig saved = read(write_hf_config(config, nullptr, nullptr, "float32")).config;
  EXPECT_EQ(saved.sliding_window, 0);
  EXPECT_EQ(saved.original_window, 4096);
}

// What is written is read back: the same model, of every family.
TEST_F(FamilyConfig, RoundTrip) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"llama", R"("attention_bias":true,"mlp_bias":true,"eos_token_id":7)"},
      {"mistral", R"("sliding_window":4096,"head_dim":128)"},
      {"phi3", R"("partial_rotary_factor":0.75,"sliding_window":2048,"tie_word_embeddings":true)"},
      {"qwen2", R"("use_sliding_window":true,"sliding_window":1024,"max_window_layers":3,"rope_theta":1e6)"},
      {"qwen3", R"("attention_bias":true,"head_dim":32,"bos_token_id":1)"},
      {"olmo2", R"("attention_bias":true,"rope_theta":500000)"},
      {"granite", R"("embedding_multiplier":12,"residual_multiplier":0.22,"logits_scaling":8,)"
                  R"("attention_multiplier":0.0078125,"mlp_bias":true)"},
      {"smollm3", R"("no_rope_layers":[1,0,0,1],"use_sliding_window":false,"sliding_window":null)"},
      {"gemma2", R"("sliding_window":512,"query_pre_attn_scalar":144,"attn_logit_softcapping":null,)"
                 R"("final_logit_softcapping":20.0,"hidden_activation":"gelu_pytorch_tanh")"},
      {"gemma3_text", R"("layer_types":["sliding_attention","full_attention","full_attention",)"
                      R"("sliding_attention"],"rope_local_base_freq":5000,"rope_theta":1e6)"},
      {"glm4", R"("attention_bias":true,"partial_rotary_factor":0.5)"},
      {"mixtral", R"("num_local_experts":4,"num_experts_per_tok":3)"},
      {"qwen3_moe", R"("num_experts":4,"num_experts_per_tok":3,"moe_intermediate_size":11,)"
                    R"("norm_topk_prob":true)"},
      {"smollm3", R"("no_rope_layer_interval":3,"tie_word_embeddings":false)"},
  };
  for (const auto& [family, members] : cases) {
    SCOPED_TRACE(family + " " + members);
    const ParsedConfig first = read(family, members);
    const ParsedConfig again = read(write_hf_config(first.config, nullptr, nullptr, "bfloat16"));
    const ModelConfig &a = first.config, &b = again.config;
    EXPECT_EQ(b.model_type, a.model_type);
    EXPECT_EQ(std::tuple(b.num_heads, b.num_kv_heads, b.head_dim, b.rotary_dim),
              std::tuple(a.num_heads, a.num_kv_heads, a.head_dim, a.rotary_dim));
    EXPECT_EQ(std::tuple(b.qkv_bias, b.output_bias, b.mlp_bias, b.qk_norm, b.tie_word_embeddings),
              std::tuple(a.qkv_bias, a.output_bias, a.mlp_bias, a.qk_norm, a.tie_word_embeddings));
    EXPECT_EQ(std::tuple(b.original_window, b.max_position_embeddings, b.sliding_window, b.sliding_layers),
              std::tuple(a.original_window, a.max_position_embeddings, a.sliding_window, a.sliding_layers));
    EXPECT_EQ(std::tuple(b.embedding_multiplier, b.residual_multiplier, b.score_scale(), b.logit_divisor,
                         b.attention_softcap, b.logit_softcap, b.local_rope_theta),
              std::tuple(a.embedding_multiplier, a.residual_multiplier, a.score_scale(), a.logit_divisor,
                         a.attention_softcap, a.logit_softcap, a.local_rope_theta));
    EXPECT_EQ(std::tuple(b.unrotated_layers, b.num_experts, b.experts_per_token, b.normalized_experts,
                         b.intermediate_size),
              std::tuple(a.unrotated_layers, a.num_experts, a.experts_per_token, a.normalized_experts,
                         a.intermediate_size));
    EXPECT_EQ(std::tuple(b.bos_token_id, b.eos_token_id), std::tuple(a.bos_token_id, a.eos_token_id));
    EXPECT_EQ(b.rms_norm_eps, a.rms_norm_eps);
    EXPECT_EQ(b.rope_theta, a.rope_theta);
    EXPECT_TRUE(again.sets.empty());
  }
}

TEST_F(FamilyConfig, AnExtendedLlama3IsWrittenAsLongrope) {
  const auto parsed =
      read("llama", R"("rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,)"
                    R"("high_freq_factor":4.0,"original_max_position_embeddings":2048})");
  FactorSet longer = parsed.sets.front();
  longer.name = "searched";
  longer.max_length = 65536;
  for (double& factor : longer.factors) factor *= 8;
  const auto again = read(write_hf_config(parsed.config, &longer, &parsed.sets.front(), "bfloat16"));
  EXPECT_EQ(again.config.original_window, 8192);
  ASSERT_EQ(again.sets.size(), 2u);
  EXPECT_EQ(again.sets[0].factors, parsed.sets[0].factors);
  EXPECT_EQ(again.sets[1].factors, longer.factors);
  EXPECT_EQ(again.sets[1].max_length, 65536);
}

// Phi3Config of transformers 4 refuses a rope_scaling of more than three keys.
TEST_F(FamilyConfig, RopeScalingOfPhi3IsBareUnlessTheTemperatureIsItsOwn) {
  ModelConfig config = read("phi3", "").config;
  FactorSet set;
  set.name = "long";
  set.max_length = 4 * config.original_window;
  set.original_length = config.original_window;
  set.rope_theta = config.rope_theta;
  set.factors = pi_factors(32, 4);
  set.attention_temperature = attention_temperature(TemperatureFormula::kSu, 4, config.original_window);
  const std::string text = write_hf_config(config, &set, nullptr, "float32");
  EXPECT_EQ(parse_strict_json(text, "x").at("rope_scaling").keys().size(), 3u);
  EXPECT_EQ(read(text).sets.back().attention_temperature, set.attention_temperature);
  set.attention_temperature = 1.3;
  const std::string with_temperature = write_hf_config(config, &set, nullptr, "float32");
  EXPECT_TRUE(parse_strict_json(with_temperature, "x").at("rope_scaling").has("attention_factor"));
  EXPECT_EQ(read(with_temperature).sets.back().attention_temperature, 1.3);
}

TEST_F(FamilyConfig, WhatAFamilysFileCannotSayIsRefused) {
  ModelConfig config = read("mistral", "").config;
  const auto refused = [&](const char* said) {
    expect_error(ErrorKind::kBadData, {"mistral", said},
                 [&] { write_hf_config(config, nullptr, nullptr, "float32"); });
  };
  config.qkv_bias = true;
  refused("these biases");
  config.qkv_bias = false;
  config.rotary_dim = 32;
  refused("partly rotated heads");
  config.rotary_dim = 0;
  config.qk_norm = true;
  refused("norms of heads");
}

TEST_F(FamilyConfig, YarnTakesAllItsKeys) {
  const auto yarn = [&](const std::string& members) {
    return read("qwen2",
                R"("rope_scaling":{"type":"yarn","original_max_position_embeddings":2048,"factor":4)" +
                    members + "}")
        .sets.back();
  };
  EXPECT_DOUBLE_EQ(yarn("").attention_temperature, 0.1 * std::log(4) + 1);
  EXPECT_DOUBLE_EQ(yarn(R"(,"mscale":2,"mscale_all_dim":0.5)").attention_temperature,
                   (0.2 * std::log(4) + 1) / (0.05 * std::log(4) + 1));
  EXPECT_DOUBLE_EQ(yarn(R"(,"mscale":2)").attention_temperature, 0.1 * std::log(4) + 1);
  EXPECT_DOUBLE_EQ(yarn(R"(,"mscale":2,"mscale_all_dim":1,"attention_factor":1.5)").attention_temperature,
                   1.5);
  EXPECT_EQ(yarn(R"(,"truncate":false)").factors, yarn_factors({32, 10000, 2048}, 4, {.truncate = false}));
  EXPECT_EQ(yarn(R"(,"beta_fast":null,"beta_slow":0)").factors, yarn_factors({32, 10000, 2048}, 4));
}

TEST_F(FamilyConfig, Llama3HoldsUpToTheStatedLength) {
  const auto parsed =
      read("llama", R"("rope_theta":500000.0,"rope_scaling":{"rope_type":"llama3","factor":32.0,)"
                    R"("low_freq_factor":1.0,"high_freq_factor":4.0,)"
                    R"("original_max_position_embeddings":1024})");
  EXPECT_EQ(parsed.config.original_window, 8192);
  ASSERT_EQ(parsed.sets.size(), 1u);
  const FactorSet& set = parsed.sets.front();
  EXPECT_EQ(set.name, "llama3");
  EXPECT_EQ(set.max_length, 8192);
  EXPECT_EQ(set.attention_temperature, 1);
  // It is in force at short lengths too.
  const FactorSet plain = computed_factor_set("none", parsed.config.rope_geometry(), 8192);
  EXPECT_EQ(select_factor_set(parsed.sets, 16, plain).name, "llama3");
}

TEST_F(FamilyConfig, BrokenLlama3IsRefused) {
  const std::string start = R"("rope_scaling":{"rope_type":"llama3","factor":8,)";
  expect_refused("llama", start + R"("low_freq_factor":1,"high_freq_factor":4})",
                 "rope_scaling.original_max_position_embeddings: the key is missing");
  expect_refused("llama", start + R"("high_freq_factor":4,"original_max_position_embeddings":2048})",
                 "rope_scaling.low_freq_factor: the key is missing");
  expect_refused(
      "llama", start + R"("low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":2048})",
      "rope_scaling.high_freq_factor: found 4, wanted more than low_freq_factor");
}

}  // namespace
}  // namespace ropeway
