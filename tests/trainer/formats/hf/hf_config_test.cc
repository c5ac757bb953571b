#include <cmath>

#include "kernels/rope/rope_table.h"
#include "tests/support/folder_test.h"
#include "tests/support/model_shape.h"
#include "tests/support/python.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/rope/rope_rates.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

ModelConfig small_config() {
  ModelConfig config =
      make_config({.vocab = 259, .hidden = 64, .intermediate = 176, .layers = 3, .head_dim = 16});
  config.rms_norm_eps = 1e-5;
  config.bos_token_id = 256;
  config.eos_token_id = 257;
  return config;
}

FactorSet make_set(const std::string& name, int64_t max_length, std::vector<double> factors,
                   double temperature) {
  return make_factor_set(
      {.name = name, .max_length = max_length, .factors = std::move(factors), .temperature = temperature});
}

class HfConfig : public FolderTest {
 protected:
  ParsedConfig read(const std::string& text) {
    write_bytes(folder_ / "config.json", text);
    return read_hf_config(folder_ / "config.json");
  }
  // A plain config with members added or replaced (the last of two equal keys would be refused, so none may
  // repeat).
  std::string text_with(const std::string& members) {
    return R"({"model_type":"llama","vocab_size":100,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,)"
           R"("num_attention_heads":4)" +
           (members.empty() ? "" : "," + members) + "}";
  }
};

TEST_F(HfConfig, PlainModel) {
  const auto parsed =
      read(text_with(R"("max_position_embeddings":4096,"unknown":{"deep":[1]},"auto_map":{"x":"evil.py"})"));
  EXPECT_EQ(parsed.config.original_window, 4096);
  EXPECT_EQ(parsed.config.num_kv_heads, 4);
  EXPECT_EQ(parsed.config.head_dim, 8);
  EXPECT_EQ(parsed.config.rope_theta, 10000);
  EXPECT_EQ(parsed.config.rms_norm_eps, 1e-6);
  EXPECT_EQ(parsed.config.bos_token_id, -1);
  EXPECT_FALSE(parsed.config.tie_word_embeddings);
  EXPECT_TRUE(parsed.sets.empty());
}

TEST_F(HfConfig, OptionalFields) {
  const auto parsed = read(text_with(
      R"("max_position_embeddings":4096,"num_key_value_heads":2,"head_dim":16,"rms_norm_eps":1e-5,"rope_theta":500000,)"
      R"("tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":[2,3],"rope_scaling":null,"initializer_range":0.01)"));
  EXPECT_EQ(parsed.config.num_kv_heads, 2);
  EXPECT_EQ(parsed.config.head_dim, 16);
  EXPECT_EQ(parsed.config.rms_norm_eps, 1e-5);
  EXPECT_EQ(parsed.config.rope_theta, 500000);
  EXPECT_TRUE(parsed.config.tie_word_embeddings);
  EXPECT_EQ(parsed.config.bos_token_id, 1);
  EXPECT_EQ(parsed.config.eos_token_id, 2);
  EXPECT_EQ(parsed.config.initializer_range, 0.01);
}

constexpr const char* kFactors = R"("short_factor":[1,1,1,1],"long_factor":[1,2.5,3,4])";

TEST_F(HfConfig, LongropeOfTransformers4And5AndSu) {
  const std::string positions = R"("max_position_embeddings":32768,)";
  const std::vector<std::string> texts = {
      text_with(positions + R"("rope_theta":5e5,"rope_scaling":{"rope_type":"longrope","type":"longrope",)" +
                kFactors + R"(,"factor":8.0,"original_max_position_embeddings":4096})"),
      text_with(positions + R"("rope_parameters":{"rope_type":"longrope","rope_theta":5e5,)" + kFactors +
                R"(,"original_max_position_embeddings":4096})"),
      text_with(positions +
                R"("rope_theta":5e5,"original_max_position_embeddings":4096,"rope_scaling":{"type":"su",)" +
                kFactors + "}"),
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    const auto parsed = read(text);
    EXPECT_EQ(parsed.config.original_window, 4096);
    EXPECT_EQ(parsed.config.rope_theta, 5e5);
    ASSERT_EQ(parsed.sets.size(), 2u);
    EXPECT_EQ(parsed.sets[0].name, "short");
    EXPECT_EQ(parsed.sets[0].max_length, 4096);
    EXPECT_EQ(parsed.sets[0].factors, (std::vector<double>{1, 1, 1, 1}));
    EXPECT_EQ(parsed.sets[1].name, "long");
    EXPECT_EQ(parsed.sets[1].max_length, 32768);
    EXPECT_EQ(parsed.sets[1].factors, (std::vector<double>{1, 2.5, 3, 4}));
    // transformers has one temperature, for short inputs too.
    for (const FactorSet& set : parsed.sets) EXPECT_NEAR(set.attention_temperature, 1.118034, 5e-7);
    EXPECT_NO_THROW(check_factor_set(parsed.sets[1], 4, 2, "x"));
  }
}

TEST_F(HfConfig, TopLevelOriginalLengthWins) {
  const auto parsed = read(text_with(
      std::string(
          R"("max_position_embeddings":32768,"original_max_position_embeddings":4096,"rope_scaling":{"type":"longrope",)") +
      kFactors + R"(,"original_max_position_embeddings":8192})"));
  EXPECT_EQ(parsed.config.original_window, 4096);
}

TEST_F(HfConfig, StatedTemperatureWinsOverTheFormula) {
  const std::string start =
      R"("max_position_embeddings":32768,"original_max_position_embeddings":4096,"rope_scaling":{"type":"longrope",)";
  const auto stated = read(text_with(start + kFactors + R"(,"attention_factor":1.3})"));
  EXPECT_EQ(stated.sets[0].attention_temperature, 1.3);
  EXPECT_EQ(stated.sets[1].attention_temperature, 1.3);
  const auto separate = read(text_with(start + kFactors + R"(,"short_mscale":1,"long_mscale":1.25})"));
  ASSERT_EQ(separate.sets.size(), 1u);  // ones at temperature 1 are the identity
  EXPECT_EQ(separate.sets[0].name, "long");
  EXPECT_EQ(separate.sets[0].attention_temperature, 1.25);
}

TEST_F(HfConfig, LinearAndYarnActAtEveryLength) {
  const auto linear =
      read(text_with(R"("max_position_embeddings":4096,"rope_scaling":{"type":"linear","factor":8})"));
  ASSERT_EQ(linear.sets.size(), 2u);
  EXPECT_EQ(linear.config.original_window, 4096);
  EXPECT_EQ(linear.sets[0].name, "short");
  EXPECT_EQ(linear.sets[0].max_length, 4096);
  EXPECT_EQ(linear.sets[1].name, "linear");
  EXPECT_EQ(linear.sets[1].max_length, 32768);
  for (const FactorSet& set : linear.sets) EXPECT_EQ(set.factors, pi_factors(4, 8));

  const auto yarn = read(text_with(
      R"("max_position_embeddings":32768,"rope_scaling":{"rope_type":"yarn","factor":8.0,"original_max_position_embeddings":4096,"beta_fast":16})"));
  ASSERT_EQ(yarn.sets.size(), 2u);
  EXPECT_EQ(yarn.config.original_window, 4096);
  EXPECT_EQ(yarn.sets[1].max_length, 32768);
  const auto expected = yarn_factors({4, 10000, 4096}, 8, {.beta_fast = 16, .trained_factors = {}});
  for (const FactorSet& set : yarn.sets) {
    EXPECT_EQ(set.factors, expected);
    EXPECT_NEAR(set.attention_temperature, 0.1 * std::log(8.0) + 1, 1e-15);
  }
}

TEST_F(HfConfig, BrokenConfigsAreRefusedWithThePath) {
  const std::string p = R"("max_position_embeddings":4096,)",
                    o = R"("original_max_position_embeddings":256,)";
  auto longrope = [&](const std::string& members) {
    return text_with(p + o + R"("rope_scaling":{"type":"longrope",)" + members + "}");
  };
  auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = text_with(R"("max_position_embeddings":4096)");
    return text.replace(text.find(from), from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {text_with(""), "max_position_embeddings: the key is missing"},
      {replaced(R"("vocab_size":100,)", ""), "vocab_size: the key is missing"},
      {replaced("100", "-1"), "vocab_size: found -1, wanted an integer from 1"},
      {replaced("100", "1e20"), "vocab_size: found 1e+20"},
      {replaced("32", "33"), "num_attention_heads: found 4"},
      {replaced("\"llama\"", "\"gpt2\""), "model_type: found \"gpt2\", wanted one of the decoders"},
      {text_with(p + R"("num_key_value_heads":3)"), "num_key_value_heads: found 3, wanted a divisor"},
      {text_with(p + R"("head_dim":7)"), "head_dim: found 7, wanted an even number"},
      {text_with(p + R"("hidden_act":"gelu")"), "hidden_act: found \"gelu\""},
      {text_with(p + R"("partial_rotary_factor":0.75)"), "partial_rotary_factor: found 0.75"},
      {text_with(p + R"("quantization_config":{"bits":4})"), "quantization_config: found an object"},
      {text_with(p + R"("tie_word_embeddings":"no")"),
       "tie_word_embeddings: found \"no\", wanted true or false"},
      {text_with(p + R"("rms_norm_eps":0)"), "rms_norm_eps: found 0"},
      {text_with(p + R"("rope_theta":0.5)"), "rope_theta: found 0.5"},
      {text_with(p + R"("rope_scaling":{"type":"llama3","factor":8})"),
       "rope_scaling.original_max_position_embeddings: the key is missing"},
      {text_with(p + R"("rope_scaling":{"rope_type":"dynamic","factor":8})"),
       "rope_scaling.rope_type: found \"dynamic\""},
      {text_with(p + R"("rope_scaling":{"rope_type":"yarn","type":"linear","factor":8})"),
       "rope_scaling.type: found \"linear\""},
      {text_with(p + R"("rope_scaling":{"type":"linear"})"), "rope_scaling.factor: the key is missing"},
      {text_with(p + R"("rope_scaling":{"type":"linear","factor":0.5})"),
       "rope_scaling.factor: found 0.5, wanted a number of 1 or more"},
      {text_with(p + R"("rope_scaling":{"type":"yarn","factor":2,"mscale":-1})"),
       "rope_scaling.mscale: found -1"},
      {text_with(p + R"("rope_scaling":{"type":"proportional","factor":2})"),
       "rope_scaling.type: found \"proportional\""},
      {text_with(p + R"("rope_scaling":"longrope")"), "rope_scaling: found \"longrope\", wanted an object"},
      {text_with(p + R"("rope_parameters":{"full_attention":{"rope_type":"default"}})"),
       "rope_parameters.full_attention: found an object"},
      {text_with(p + R"("rope_scaling":{"type":"longrope",)" + kFactors + "}"),
       "rope_scaling.original_max_position_embeddings: the key is missing"},
      {longrope(R"("short_factor":[1,1,1,1])"), "rope_scaling.long_factor: the key is missing"},
      {longrope(R"("short_factor":[1,1,1,1],"long_factor":[1,1,1])"),
       "rope_scaling.long_factor: found an array of 3, wanted an array of 4"},
      {longrope(R"("short_factor":[1,1,1,1],"long_factor":[1,1,1,"x"])"),
       "rope_scaling.long_factor[3]: found \"x\", wanted a number"},
      {longrope(R"("short_factor":[1,1,-1,1],"long_factor":[1,1,1,1])"),
       "rope_scaling.short_factor[2]: found -1"},
      {longrope(std::string(kFactors) + R"(,"attention_factor":0)"),
       "rope_scaling.attention_factor: found 0"},
      {text_with(R"("max_position_embeddings":128,)" + o + R"("rope_scaling":{"type":"longrope",)" +
                 kFactors + "}"),
       "max_position_embeddings: found 128, wanted at least the original window, 256"},
      {text_with(
           p +
           R"("rope_scaling":{"type":"linear","factor":2},"rope_parameters":{"rope_type":"linear","factor":4})"),
       "rope_parameters: found an object, wanted the same RoPE as rope_scaling"},
      {R"({"a":1,"a":2})", "a: the key occurs twice"},
      {std::string(100000, '['), "more than 32 levels"},
      {"\"" + std::string(5 << 20, 'x') + "\"", "at most 4194304 are read"},
  };
  for (const auto& [text, fragment] : cases) {
    expect_error(ErrorKind::kBadData, {(folder_ / "config.json").string() + ": ", fragment},
                 [&, &text = text] { read(text); });
  }
  expect_error(ErrorKind::kMissingInput, {"nowhere"}, [] { read_hf_config("nowhere/config.json"); });
}

TEST_F(HfConfig, WrittenConfigIsReadBack) {
  const ModelConfig config = small_config();
  const FactorSet long_set = make_set("16K", 16384, ntk_factors(8, 64), 1.27);
  const FactorSet short_set = make_set("readjusted", 256, {1, 1, 1.01, 1.02, 1.1, 1.2, 1.3, 1.4}, 1.05);
  const auto parsed = read(write_hf_config(config, &long_set, &short_set, "bfloat16"));
  EXPECT_EQ(parsed.config.vocab_size, 259);
  EXPECT_EQ(parsed.config.num_kv_heads, 2);
  EXPECT_EQ(parsed.config.head_dim, 16);
  EXPECT_EQ(parsed.config.rms_norm_eps, 1e-5);
  EXPECT_EQ(parsed.config.original_window, 256);
  EXPECT_EQ(parsed.config.bos_token_id, 256);
  EXPECT_EQ(parsed.config.eos_token_id, 257);
  ASSERT_EQ(parsed.sets.size(), 2u);
  EXPECT_EQ(parsed.sets[0].factors, short_set.factors);
  EXPECT_EQ(parsed.sets[1].factors, long_set.factors);
  EXPECT_EQ(parsed.sets[1].attention_temperature, 1.27);
  EXPECT_EQ(parsed.sets[1].max_length, 16384);
}

TEST_F(HfConfig, WhatTheFormatCannotHoldIsRefused) {
  FactorSet set = make_set("8x", 2048, pi_factors(8, 8), 1);
  set.start_tokens = 4;
  expect_error(ErrorKind::kBadData, {"'8x'", "start_tokens is 4"},
               [&] { write_hf_config(small_config(), &set, nullptr, "float32"); });
  set.start_tokens = 0;
  set.factors.resize(24, 8);
  expect_error(ErrorKind::kBadData, {"'8x'", "24 factors"},
               [&] { write_hf_config(small_config(), &set, nullptr, "float32"); });
}

TEST_F(HfConfig, NumParametersCountsTheWeights) {
  ModelConfig config = small_config();
  const int64_t layer = 64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 176 + 2 * 64;
  EXPECT_EQ(config.num_parameters(), 2 * 259 * 64 + 3 * layer + 64);
  config.tie_word_embeddings = true;
  EXPECT_EQ(config.num_parameters(), 259 * 64 + 3 * layer + 64);
}

// LongRoPE that was switched on by rope_scaling alone.
TEST_F(HfConfig, LongropeWithTheOriginalWindowDeclaredIsShortUpToItAndLongBeyond) {
  const auto sets = [&](const std::string& members) {
    return read(text_with(R"("max_position_embeddings":32,"rope_scaling":{"rope_type":"longrope",)" +
                          members + R"(,"original_max_position_embeddings":32})"))
        .sets;
  };
  const FactorSet identity = make_set("none", 32, std::vector<double>(4, 1.0), 1);
  const std::string lists = R"("short_factor":[1,1.1,1.2,1.3],"long_factor":[1,2,4,8])";
  const auto by_factor = sets(lists + R"(,"factor":4)");
  EXPECT_EQ(select_factor_set(by_factor, 32, identity).name, "short");
  EXPECT_EQ(select_factor_set(by_factor, 33, identity).name, "long");
  EXPECT_EQ(find_factor_set(by_factor, "long")->max_length, 128);
  EXPECT_DOUBLE_EQ(find_factor_set(by_factor, "long")->attention_temperature,
                   std::sqrt(1 + std::log(4.0) / std::log(32.0)));
  // Without a factor the list says how far it reaches; the temperature is that of the declared window.
  const auto by_list = sets(lists);
  EXPECT_EQ(find_factor_set(by_list, "long")->max_length, 8 * 32);
  EXPECT_EQ(find_factor_set(by_list, "long")->attention_temperature, 1);
  const auto same = sets(R"("short_factor":[1,2,4,8],"long_factor":[1,2,4,8])");
  EXPECT_EQ(find_factor_set(same, "long")->max_length, 32);
}

// transformers computes the same rates and the same temperature from what is written, below and above the
// window.
TEST_F(HfConfig, TransformersComputesTheSameRope) {
  ROPEWAY_NEEDS_PYTHON();
  const double formula = attention_temperature(TemperatureFormula::kSu, 64, 256);
  struct Case {
    std::string name;
    FactorSet long_set;
    std::optional<FactorSet> short_set;
  };
  const std::vector<double> searched = {1, 1.118320672, 1.3, 2.718281828, 9.5, 31.25, 64, 79.123456789};
  const std::vector<Case> cases = {
      {"formula", make_set("long", 16384, searched, formula), std::nullopt},
      {"stated", make_set("long", 16384, searched, 1.1),
       make_set("short", 256, {1, 1, 1, 1.01, 1.02, 1.03, 1.04, 1.05}, 1.1)},
  };
  std::string script =
      "import transformers, logging\n"
      "from transformers import AutoConfig\n"
      "from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS\n"
      "from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding\n"
      "import torch\n"
      "for folder in [";
  for (const Case& c : cases) {
    std::filesystem::create_directories(folder_ / c.name);
    write_bytes(
        folder_ / c.name / "config.json",
        write_hf_config(small_config(), &c.long_set, c.short_set ? &*c.short_set : nullptr, "bfloat16"));
    script += "'" + (folder_ / c.name).string() + "',";
  }
  script +=
      "]:\n"
      "  c = AutoConfig.from_pretrained(folder)\n"
      "  print(c.model_type, c.max_position_embeddings, c.dtype, c.eos_token_id)\n"
      "  for length in (256, 257):\n"
      "    inv_freq, factor = ROPE_INIT_FUNCTIONS['longrope'](c, 'cpu', seq_len=length)\n"
      "    print(*[repr(float(x)) for x in inv_freq], repr(float(factor)))\n"
      "    rope = LlamaRotaryEmbedding(c)\n"
      "    cos, sin = rope(torch.zeros(1, 1), torch.arange(length)[None])\n"
      "    print(*[repr(float(x)) for x in torch.cat([cos[0, -1, :8], sin[0, -1, :8]])])\n";
  const auto lines = lines_of(run_python(script));
  ASSERT_EQ(lines.size(), 5 * cases.size());
  const auto frequencies = plain_frequencies(small_config().rope_geometry());
  for (size_t n = 0; n < cases.size(); ++n) {
    SCOPED_TRACE(cases[n].name);
    EXPECT_EQ(lines[5 * n], "llama 16384 torch.bfloat16 257");
    for (const bool is_long : {false, true}) {
      const std::vector<double> ones(8, 1.0);
      const Case& c = cases[n];
      const auto& factors = is_long ? c.long_set.factors : c.short_set ? c.short_set->factors : ones;
      const auto theirs = numbers_of(lines[5 * n + (is_long ? 3 : 1)]);
      ASSERT_EQ(theirs.size(), 9u);
      for (int i = 0; i < 8; ++i) EXPECT_NEAR(theirs[i] / (frequencies[i] / factors[i]), 1, 1e-6) << i;
      EXPECT_NEAR(theirs[8], c.long_set.attention_temperature, 1e-12);
      // And what reaches its model: the table of the last position, which our reader and table must give too.
      const auto parsed = read_hf_config(folder_ / c.name / "config.json");
      const int64_t length = is_long ? 257 : 256;
      FactorSet identity = make_set("identity", 256, ones, 1);
      const auto rates = make_rope_rates(select_factor_set(parsed.sets, length, identity), 8, 0);
      const std::vector<int64_t> position = {length - 1};
      std::vector<double> cos(8), sin(8);
      fill_rope_table<double>({.scaled = rates.scaled.data(),
                               .plain = rates.plain.data(),
                               .positions = position.data(),
                               .tokens = 1,
                               .pairs = 8,
                               .temperature = rates.attention_temperature,
                               .start_tokens = rates.start_tokens},
                              cos.data(), sin.data());
      const auto table = numbers_of(lines[5 * n + (is_long ? 4 : 2)]);
      ASSERT_EQ(table.size(), 16u);
      for (int i = 0; i < 8; ++i) {
        EXPECT_NEAR(table[i], cos[i], 3e-5) << i;  // their angles are fp32: half a unit at 256 is 1.5e-5 rad
        EXPECT_NEAR(table[8 + i], sin[i], 3e-5) << i;
      }
    }
  }
}

}  // namespace
}  // namespace ropeway
