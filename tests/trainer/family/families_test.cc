#include "trainer/family/families.h"

#include <fmt/ranges.h>

#include "tests/support/folder_test.h"
#include "tests/support/model_shape.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/model_dir.h"

namespace ropeway {
namespace {

// One layer: 4 query heads and 1 key head of 6 dims over 20 channels.
ModelConfig one_layer(const std::string& model_type) {
  return make_config({.family = model_type.c_str(),
                      .vocab = 11,
                      .hidden = 20,
                      .intermediate = 9,
                      .layers = 1,
                      .kv_heads = 1,
                      .head_dim = 6,
                      .window = 0,
                      .tied = true});
}

// Names of the block's weights without their common prefix, with shapes: "mlp.up_proj.weight [9, 20]".
std::vector<std::string> block_weights(const ModelConfig& config) {
  std::vector<std::string> lines;
  const std::string prefix = "model.layers.0.";
  for (const NamedShape& named : weight_names(config)) {
    if (named.name.starts_with(prefix)) {
      lines.push_back(fmt::format("{} [{}]", named.name.substr(prefix.size()), fmt::join(named.shape, ", ")));
    }
  }
  return lines;
}

TEST(Families, Phi3KeepsQkvAndGateUpInOneTensorEach) {
  EXPECT_EQ(
      block_weights(one_layer("phi3")),
      (std::vector<std::string>{"input_layernorm.weight [20]", "self_attn.qkv_proj.weight [36, 20]",
                                "self_attn.o_proj.weight [20, 24]", "post_attention_layernorm.weight [20]",
                                "mlp.gate_up_proj.weight [18, 20]", "mlp.down_proj.weight [20, 9]"}));
}

TEST(Families, Qwen2HasBiasesOfQkv) {
  ModelConfig config = one_layer("qwen2");
  config.qkv_bias = true;
  EXPECT_EQ(block_weights(config),
            (std::vector<std::string>{"input_layernorm.weight [20]", "self_attn.q_proj.weight [24, 20]",
                                      "self_attn.k_proj.weight [6, 20]", "self_attn.v_proj.weight [6, 20]",
                                      "self_attn.q_proj.bias [24]", "self_attn.k_proj.bias [6]",
                                      "self_attn.v_proj.bias [6]", "self_attn.o_proj.weight [20, 24]",
                                      "post_attention_layernorm.weight [20]", "mlp.gate_proj.weight [9, 20]",
                                      "mlp.up_proj.weight [9, 20]", "mlp.down_proj.weight [20, 9]"}));
}

TEST(Families, Qwen3HasNormsOfHeads) {
  ModelConfig config = one_layer("qwen3");
  config.qk_norm = true;
  const auto lines = block_weights(config);
  ASSERT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines[4], "self_attn.q_norm.weight [6]");
  EXPECT_EQ(lines[5], "self_attn.k_norm.weight [6]");
}

TEST(Families, BiasesEverywhere) {
  ModelConfig config = one_layer("llama");
  const int64_t without = config.num_parameters();
  config.qkv_bias = config.output_bias = config.mlp_bias = true;
  const auto lines = block_weights(config);
  ASSERT_EQ(lines.size(), 9u + 7u);
  EXPECT_EQ(lines[8], "self_attn.o_proj.bias [20]");
  EXPECT_EQ(lines.back(), "mlp.down_proj.bias [20]");
  EXPECT_EQ(config.num_parameters(), without + 24 + 6 + 6 + 20 + 9 + 9 + 20);
}

TEST(Families, UnknownOnesAreRefusedWithTheList) {
  EXPECT_EQ(find_family("gpt2"), nullptr);
  expect_error(ErrorKind::kBadData, {"'gpt2'", "llama, mistral, phi3, qwen2, qwen3, olmo2"},
               [] { family_of("gpt2"); });
}

TEST(Families, AreAllInTheTableOfThePage) {
  const std::string page = read_bytes(ROPEWAY_SOURCE_DIR "/trainer/family/README.md");
  std::string names;
  for (const std::string& line : lines_of(page)) {
    if (line.starts_with("| `")) names += line.substr(0, line.find(" | "));
  }
  for (const Family& family : families()) {
    EXPECT_NE(names.find(fmt::format("`{}`", family.model_type)), std::string::npos) << family.model_type;
  }
}

}  // namespace
}  // namespace ropeway
