// Imported models against transformers' own loading of the same GGUF files, and the RoPE settings of the
// metadata as factor sets.
#include "trainer/formats/gguf/gguf_import.h"

#include <cmath>

#include "tests/support/folder_test.h"
#include "tests/trainer/formats/gguf/gguf_bytes.h"
#include "tests/trainer/formats/gguf/oracle.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/rope/schedules.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

class GgufImport : public FolderTest {};

TEST_F(GgufImport, WeightsConfigAndTokenIdsAreThoseOfTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  gguf_oracle({"make", folder_.string()});
  std::vector<std::string> arguments = {"compare"};
  const std::vector<std::string> names = {"llama", "mistral", "phi3", "qwen2", "qwen3"};
  for (const std::string& name : names) {
    const std::string file = (folder_ / (name + ".gguf")).string(), directory = (folder_ / name).string();
    import_gguf(file, directory, {.dtype = DType::kF32, .replace = false});
    arguments.insert(arguments.end(), {file, directory});
  }
  ASSERT_FALSE(HasFailure());
  int logits = 0, ids = 0;
  for (const std::string& line : lines_of(gguf_oracle(arguments))) {
    std::istringstream words(line);
    std::string file, what, value;
    words >> file >> what >> value;
    if (what == "unequal") {
      EXPECT_EQ(value, "0") << line;
      double difference = 1;
      words >> what >> difference;
      EXPECT_EQ(difference, 0) << line;
      ++logits;
    } else if (what == "ids") {
      EXPECT_EQ(value, "1") << line;
      ++ids;
    }
  }
  EXPECT_EQ(logits, names.size());
  EXPECT_EQ(ids, 3 * 4) << "texts by the three files with a tokenizer";
}

// One layer of four heads of 16, with what a test adds.
struct TinyGguf : GgufBytes {
  TinyGguf() : TinyGguf("llama", 4096) {}
  TinyGguf(const std::string& architecture, uint32_t context_length) {
    text("general.architecture", architecture);
    u32(architecture + ".block_count", 1);
    u32(architecture + ".context_length", context_length);
    u32(architecture + ".embedding_length", 64);
    u32(architecture + ".feed_forward_length", 32);
    u32(architecture + ".attention.head_count", 4);
    pair(architecture + ".attention.layer_norm_rms_epsilon", 6, raw(1e-6f));
    pair(architecture + ".rope.freq_base", 6, raw(500000.0f));
  }
  void f32(const std::string& key, float value) { pair(key, 6, raw(value)); }
  void values(const std::string& name, std::vector<uint64_t> dims, const std::vector<float>& list) {
    tensor(name, dims, 0, data.size());
    for (const float value : list) data += raw(value);
    data.resize((data.size() + 31) / 32 * 32);
  }
};

class GgufRope : public FolderTest {
 protected:
  ParsedConfig parse(TinyGguf gguf) {
    gguf.values("token_embd.weight", {64, 1}, std::vector<float>(64));
    const std::filesystem::path path = folder_ / "model.gguf";
    write_bytes(path, gguf.file());
    return read_gguf_config(GgufFile::open(path));
  }
  void refused(const TinyGguf& gguf, std::vector<std::string> said) {
    said.push_back("model.gguf");
    expect_error(ErrorKind::kBadData, said, [&] { parse(gguf); });
  }
};

TEST_F(GgufRope, PlainAndShape) {
  const ParsedConfig parsed = parse({});
  EXPECT_EQ(parsed.config.head_dim, 16);
  EXPECT_EQ(parsed.config.num_kv_heads, 4);
  EXPECT_EQ(parsed.config.rope_theta, 500000);
  EXPECT_EQ(parsed.config.rms_norm_eps, 1e-6);
  EXPECT_EQ(parsed.config.original_window, 4096);
  EXPECT_TRUE(parsed.config.tie_word_embeddings);
  EXPECT_TRUE(parsed.sets.empty());
}

TEST_F(GgufRope, Longrope) {
  TinyGguf gguf;
  gguf.text("llama.rope.scaling.type", "longrope");
  gguf.u32("llama.rope.scaling.original_context_length", 1024);
  gguf.f32("llama.rope.scaling.attn_factor", 1.25f);
  gguf.values("rope_factors_long.weight", {8}, {1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5});
  gguf.values("rope_factors_short.weight", {8}, {1, 1, 1, 1, 1, 1, 1, 1.25});
  const ParsedConfig parsed = parse(gguf);
  EXPECT_EQ(parsed.config.original_window, 1024);
  const FactorSet *long_set = find_factor_set(parsed.sets, "long"),
                  *short_set = find_factor_set(parsed.sets, "short");
  ASSERT_NE(long_set, nullptr);
  ASSERT_NE(short_set, nullptr);
  EXPECT_THAT(long_set->factors, testing::ElementsAre(1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5));
  EXPECT_EQ(short_set->factors.back(), 1.25);
  EXPECT_EQ(long_set->max_length, 4096);
  EXPECT_EQ(long_set->attention_temperature, 1.25);
}

TEST_F(GgufRope, TheFormulasTemperatureComesBackInFullPrecision) {
  TinyGguf gguf;
  gguf.text("llama.rope.scaling.type", "longrope");
  gguf.u32("llama.rope.scaling.original_context_length", 1024);
  const double formula = std::sqrt(1 + std::log(4.0) / std::log(1024.0));
  gguf.f32("llama.rope.scaling.attn_factor", static_cast<float>(formula));
  gguf.values("rope_factors_long.weight", {8}, std::vector<float>(8, 2));
  gguf.values("rope_factors_short.weight", {8}, std::vector<float>(8, 1));
  EXPECT_DOUBLE_EQ(find_factor_set(parse(gguf).sets, "long")->attention_temperature, formula);
}

// A period, or a truth value per layer.
TEST_F(GgufRope, ThePatternOfLocalLayersIsRead) {
  const auto gemma2 = [] {
    TinyGguf gguf("gemma2", 4096);
    gguf.u32("gemma2.attention.key_length", 16);
    return gguf;
  };
  EXPECT_EQ(parse(gemma2()).config.sliding_window, 4096);
  EXPECT_EQ(parse(gemma2()).config.sliding_layers, std::vector<bool>{true});
  TinyGguf period = gemma2();
  period.u32("gemma2.attention.sliding_window_pattern", 1);
  EXPECT_EQ(parse(period).config.sliding_layers, std::vector<bool>{false});
  TinyGguf list = gemma2();
  list.pair("gemma2.attention.sliding_window_pattern", 9,
            raw<uint32_t>(7) + raw<uint64_t>(1) + std::string(1, '\0'));
  EXPECT_EQ(parse(list).config.sliding_layers, std::vector<bool>{false});
  TinyGguf other_base = gemma2();
  other_base.f32("gemma2.rope.freq_base_swa", 10000);
  refused(other_base, {"gemma2.rope.freq_base_swa", "10000", "500000"});
}

// OLMo 3 goes by OLMo 2's architecture, with windows.
TEST_F(GgufRope, WhatAnArchitectureOfAnotherNameHasIsRefused) {
  TinyGguf olmo3("olmo2", 4096);
  olmo3.u32("olmo2.attention.sliding_window", 1024);
  refused(olmo3, {"olmo2.attention.sliding_window", "1024", "sliding windows of olmo2 models"});
  TinyGguf granite("granite", 4096);
  granite.pair("granite.rope.scaling.finetuned", 7, std::string(1, '\0'));
  refused(granite, {"granite.rope.scaling.finetuned", "without RoPE"});
}

TEST_F(GgufRope, LinearAndYarn) {
  TinyGguf linear;
  linear.text("llama.rope.scaling.type", "linear");
  linear.f32("llama.rope.scaling.factor", 4);
  EXPECT_EQ(find_factor_set(parse(linear).sets, "linear")->factors, std::vector<double>(8, 4.0));
  TinyGguf yarn;
  yarn.text("llama.rope.scaling.type", "yarn");
  yarn.f32("llama.rope.scaling.factor", 4);
  yarn.u32("llama.rope.scaling.original_context_length", 1024);
  const FactorSet set = *find_factor_set(parse(yarn).sets, "yarn");
  EXPECT_EQ(set.factors.front(), 1);
  EXPECT_EQ(set.factors.back(), 4);
  EXPECT_DOUBLE_EQ(set.attention_temperature, 0.1 * std::log(4.0) + 1);
}

// As llama.cpp reads them: a factor, by its name of today or of 2023, is linear where no type is stated.
TEST_F(GgufRope, AFactorWithoutATypeIsLinear) {
  for (const char* key : {"llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    TinyGguf gguf;
    gguf.f32(key, 4);
    const ParsedConfig parsed = parse(gguf);
    const FactorSet* set = find_factor_set(parsed.sets, "linear");
    ASSERT_NE(set, nullptr) << key;
    EXPECT_EQ(set->factors, std::vector<double>(8, 4.0));
  }
  for (const float none : {0.0f, 1.0f}) {
    TinyGguf gguf;
    gguf.f32("llama.rope.scaling.factor", none);
    EXPECT_TRUE(parse(gguf).sets.empty());
  }
  TinyGguf off;
  off.text("llama.rope.scaling.type", "none");
  off.f32("llama.rope.scaling.factor", 4);
  EXPECT_TRUE(parse(off).sets.empty());
}

TEST_F(GgufRope, LinearKnowsItsOriginalWindow) {
  TinyGguf gguf;
  gguf.f32("llama.rope.scaling.factor", 4);
  gguf.u32("llama.rope.scaling.original_context_length", 1024);
  EXPECT_EQ(parse(gguf).config.original_window, 1024);
}

TEST_F(GgufRope, EveryKeyIsUnderstoodOrRefused) {
  const auto refused_with = [&](const std::string& key, float value, const std::string& type,
                                std::vector<std::string> said) {
    TinyGguf gguf;
    if (!type.empty()) {
      gguf.text("llama.rope.scaling.type", type);
      gguf.f32("llama.rope.scaling.factor", 4);
    }
    gguf.f32("llama.rope." + key, value);
    said.push_back("llama.rope." + key);
    refused(gguf, said);
  };
  refused_with("dimension_sections", 1, "", {"no such key"});
  refused_with("scaling.mystery", 1, "", {"no such key"});
  refused_with("scaling.attn_factor", 1.5f, "", {"1.5", "wanted 1"});
  refused_with("scaling.attn_factor", 1.5f, "linear", {"1.5", "wanted 1"});
  refused_with("scaling.yarn_ext_factor", 0, "yarn", {"wanted 1"});
  refused_with("scaling.yarn_ext_factor", 1, "linear", {"wanted 0"});
  refused_with("scaling.yarn_attn_factor", 2, "yarn", {"wanted 1"});
  refused_with("scaling.yarn_log_multiplier", 0.1f, "yarn", {"wanted 0"});
  refused_with("scale_linear", 2, "linear", {"wanted the same as llama.rope.scaling.factor, 4"});
}

TEST_F(GgufRope, TwoWaysAtOnceAreRefused) {
  TinyGguf gguf;
  gguf.f32("llama.rope.scaling.factor", 4);
  gguf.values("rope_freqs.weight", {8}, {1, 1, 1, 1, 3, 32, 32, 32});
  refused(gguf, {"rope_freqs", "'linear'"});
}

// transformers' rule, at two scales.
TEST_F(GgufRope, TheFrequenciesOfLlama3AreRecognisedAtEveryScale) {
  ROPEWAY_NEEDS_PYTHON();
  const auto lines = lines_of(run_python(R"PY(
import torch, transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
for scale in (8.0, 32.0):
    c = transformers.LlamaConfig(hidden_size=64, num_attention_heads=4, rope_theta=500000.0, max_position_embeddings=131072,
        rope_scaling=dict(rope_type="llama3", factor=scale, low_freq_factor=1.0, high_freq_factor=4.0,
                          original_max_position_embeddings=8192))
    rates, _ = ROPE_INIT_FUNCTIONS["llama3"](c, "cpu")
    print(*((1 / 500000.0 ** (torch.arange(0, 16, 2) / 16)) / rates).tolist())
)PY"));
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) {
    const auto wanted = numbers_of(line);
    ASSERT_EQ(wanted.size(), 8u);
    TinyGguf gguf("llama", 131072);
    gguf.values("rope_freqs.weight", {8}, {wanted.begin(), wanted.end()});
    const ParsedConfig parsed = parse(gguf);
    ASSERT_EQ(parsed.sets.size(), 1u);
    EXPECT_EQ(parsed.sets[0].name, kLlama3Set);
    for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(parsed.sets[0].factors[i] / wanted[i], 1, 1e-5);
  }
}

// The factors are those of transformers 5.23 (plain rates by its "llama3" rates): heads of 16, base 500,000.
TEST_F(GgufRope, Llama3) {
  TinyGguf gguf("llama", 131072);
  gguf.values("rope_freqs.weight", {8}, {1, 1, 1, 1, 3.29226255f, 32, 32, 32});
  const ParsedConfig parsed = parse(gguf);
  ASSERT_EQ(parsed.sets.size(), 1);
  EXPECT_EQ(parsed.sets[0].name, kLlama3Set);
  EXPECT_EQ(parsed.sets[0].factors.front(), 1);
  EXPECT_NEAR(parsed.sets[0].factors[4], 3.29226255, 1e-5);
  EXPECT_EQ(parsed.sets[0].factors.back(), 32);
  EXPECT_EQ(parsed.sets[0].attention_temperature, 1);
}

TEST_F(GgufRope, FactorsOfAnotherRuleAreKeptAsTheyAre) {
  TinyGguf gguf("llama", 131072);
  gguf.values("rope_freqs.weight", {8}, {1, 1, 1, 1, 3, 32, 32, 32});
  const ParsedConfig parsed = parse(gguf);
  const FactorSet* set = find_factor_set(parsed.sets, "long");
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->factors, testing::ElementsAre(1, 1, 1, 1, 3, 32, 32, 32));
  EXPECT_EQ(set->attention_temperature, 1);
}

TEST_F(GgufRope, Phi3TurnsAPartOfAHead) {
  TinyGguf gguf("phi3", 4096);
  gguf.u32("phi3.rope.dimension_count", 12);
  gguf.u32("phi3.attention.sliding_window", 2048);
  gguf.u32("phi3.rope.scaling.original_context_length", 1024);
  gguf.values("rope_factors_long.weight", {6}, {1, 1.5, 2, 2.5, 3, 3.5});
  gguf.values("rope_factors_short.weight", {6}, std::vector<float>(6, 1));
  const ParsedConfig parsed = parse(gguf);
  EXPECT_EQ(parsed.config.head_dim, 16);
  EXPECT_EQ(parsed.config.rotary_pairs(), 6);
  EXPECT_EQ(parsed.config.sliding_window, 2048);
  EXPECT_EQ(parsed.config.original_window, 1024);
  const FactorSet* set = find_factor_set(parsed.sets, "long");
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->factors, testing::ElementsAre(1, 1.5, 2, 2.5, 3, 3.5));
}

TEST_F(GgufRope, TablesAndTypesThatDoNotFit) {
  TinyGguf gguf;
  gguf.text("llama.rope.scaling.type", "longrope");
  refused(gguf, {"rope_factors_short.weight"});
  gguf.values("rope_factors_short.weight", {8}, std::vector<float>(8, 1));
  gguf.values("rope_factors_long.weight", {7}, std::vector<float>(7, 1));
  refused(gguf, {"rope_factors_long.weight", "7", "wanted 8 factors"});
  TinyGguf negative;
  negative.text("llama.rope.scaling.type", "longrope");
  negative.values("rope_factors_short.weight", {8}, {1, 1, 1, 1, 1, 1, 1, -1});
  refused(negative, {"rope_factors_short.weight", "-1"});
  TinyGguf unknown;
  unknown.text("llama.rope.scaling.type", "spiral");
  refused(unknown, {"llama.rope.scaling.type", "spiral", "longrope"});
}

TEST_F(GgufRope, ShapesThatCannotBe) {
  TinyGguf experts;
  experts.u32("llama.expert_count", 8);
  refused(experts, {"llama.expert_count", "8"});
  TinyGguf vocabulary;
  vocabulary.u32("llama.vocab_size", 7);
  refused(vocabulary, {"llama.vocab_size", "7", "1"});
  TinyGguf heads;
  heads.u32("llama.attention.head_count_kv", 5);
  refused(heads, {"llama.attention.head_count_kv", "5"});
  TinyGguf partial;
  partial.u32("llama.rope.dimension_count", 8);
  refused(partial, {"llama.rope.dimension_count", "8", "16"});
}

TEST_F(GgufRope, UnknownArchitecture) {
  GgufBytes gguf;
  gguf.text("general.architecture", "mamba");
  const std::filesystem::path path = folder_ / "model.gguf";
  write_bytes(path, gguf.file());
  expect_error(ErrorKind::kBadData, {"general.architecture", "mamba", "llama"},
               [&] { read_gguf_config(GgufFile::open(path)); });
}

TEST_F(GgufRope, IdsThatNameNoTokenAreNone) {
  TinyGguf gguf;
  gguf.u32("tokenizer.ggml.bos_token_id", 0xFFFFFFFF);
  gguf.pair("tokenizer.ggml.eos_token_id", 5, raw<int32_t>(-1));
  const ParsedConfig parsed = parse(gguf);
  EXPECT_EQ(parsed.config.bos_token_id, -1);
  EXPECT_EQ(parsed.config.eos_token_id, -1);
  TinyGguf beyond;
  beyond.u32("tokenizer.ggml.bos_token_id", 7);
  refused(beyond, {"tokenizer.ggml.bos_token_id", "7"});
}

// A whole model of one layer, its vocabulary the SentencePiece kind with an empty token.
TinyGguf whole_gguf(float first_weight = 0.5f) {
  TinyGguf gguf;
  const std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "\u2581", "a", "b", "\u2581a", ""};
  std::string texts = raw<uint32_t>(8) + raw<uint64_t>(tokens.size());
  std::string types = raw<uint32_t>(5) + raw<uint64_t>(tokens.size());
  std::string scores = raw<uint32_t>(6) + raw<uint64_t>(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    texts += gguf_string(tokens[i]);
    types += raw<int32_t>(i == 0 ? 2 : i < 3 || tokens[i].empty() ? 3 : 1);
    scores += raw(-static_cast<float>(i));
  }
  gguf.text("tokenizer.ggml.model", "llama");
  gguf.pair("tokenizer.ggml.tokens", 9, texts);
  gguf.pair("tokenizer.ggml.token_type", 9, types);
  gguf.pair("tokenizer.ggml.scores", 9, scores);
  gguf.u32("tokenizer.ggml.bos_token_id", 1);
  gguf.u32("tokenizer.ggml.eos_token_id", 0xFFFFFFFF);
  const auto add = [&](const std::string& name, uint64_t columns, uint64_t rows) {
    std::vector<float> values(columns * rows, 0.5f);
    values.front() = first_weight;
    gguf.values(name, rows == 1 ? std::vector<uint64_t>{columns} : std::vector<uint64_t>{columns, rows},
                values);
  };
  add("token_embd.weight", 64, tokens.size());
  for (const char* norm : {"attn_norm", "ffn_norm"}) add(fmt::format("blk.0.{}.weight", norm), 64, 1);
  for (const char* part : {"q", "k", "v", "output"}) add(fmt::format("blk.0.attn_{}.weight", part), 64, 64);
  for (const char* part : {"gate", "up"}) add(fmt::format("blk.0.ffn_{}.weight", part), 64, 32);
  add("blk.0.ffn_down.weight", 32, 64);
  add("output_norm.weight", 64, 1);
  return gguf;
}

TEST_F(GgufImport, AnEmptyTokenIsWrittenSoThatItCanBeRead) {
  write_bytes(folder_ / "model.gguf", whole_gguf().file());
  import_gguf(folder_ / "model.gguf", folder_ / "model", {});
  const auto tokenizer = load_tokenizer(folder_ / "model");
  EXPECT_EQ(tokenizer->vocab_size(), 8);
  EXPECT_THAT(tokenizer->encode("a b", {.add_special_tokens = true}), testing::ElementsAre(1, 6, 3, 5));
}

TEST_F(GgufImport, WeightsThatAreNotFiniteAreNamedOrRefused) {
  write_bytes(folder_ / "model.gguf", whole_gguf(std::nanf("")).file());
  expect_error(ErrorKind::kBadData, {"model.gguf", "NaN or infinite", "model.embed_tokens.weight: 1 value"},
               [&] { import_gguf(folder_ / "model.gguf", folder_ / "model", {.finite_only = true}); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model"));
  EXPECT_EQ(import_gguf(folder_ / "model.gguf", folder_ / "model", {}).non_finite.size(), 11u);
}

TEST_F(GgufImport, MissingAndUnexpectedTensorsAreListedAndNothingIsWritten) {
  TinyGguf gguf;
  gguf.values("token_embd.weight", {64, 1}, std::vector<float>(64));
  gguf.values("blk.0.attn_q.weight", {64, 32}, std::vector<float>(64 * 32));
  gguf.values("blk.0.ffn_gate_inp.weight", {64}, std::vector<float>(64));
  const std::filesystem::path path = folder_ / "model.gguf";
  write_bytes(path, gguf.file());
  expect_error(ErrorKind::kBadData,
               {"missing", "blk.0.attn_k.weight", "blk.0.attn_q.weight is [32, 64], wanted [64, 64]",
                "unexpected", "blk.0.ffn_gate_inp.weight"},
               [&] { import_gguf(path, folder_ / "model", {}); });
  EXPECT_THAT(names_in(folder_), testing::ElementsAre("model.gguf"));
}

}  // namespace
}  // namespace ropeway
