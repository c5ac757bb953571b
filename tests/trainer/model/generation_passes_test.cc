// A sequence read into a cache and gone on with, against the oracle's logits for the whole of it: every family,
// rank counts that do not divide the lengths, tokens one by one and several at once.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/base/error.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/support/errors.h"
#include "tests/trainer/model/copied_parameters.h"
#include "tests/trainer/model/family_options.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/model/key_cache.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/plan/key_cache_memory.h"

namespace ropeway::testing {
namespace {

constexpr int64_t kPrompt = 9;  // tokens; shared by 2 and 4 ranks with padding

std::vector<int32_t> tokens_of(const ModelCase& c, int64_t begin, int64_t end) {
  const int64_t* first = c.tokens.const_data_ptr<int64_t>();  // of the first sequence
  return {first + begin, first + end};
}

// [L, V] of the first sequence.
at::Tensor logits_by_oracle(const ModelCase& c, const FactorSet& factors) {
  PlainLlama plain(c.config, weights_of(c), factors);
  return plain.run(c.tokens, c.labels, {}, 1).logits.select(0, 0).detach();
}

double largest_difference(const at::Tensor& found, const at::Tensor& expected) {
  return (found.to(at::kDouble) - expected).abs().max().item<double>();
}

struct Rank {
  Rank(const ModelCase& c, Communicator& group, at::ScalarType dtype = at::kDouble)
      : home(c.config, dtype), ring(group, Placement::kZigzag), model(c.config, copies, ring, {}) {
    for (const auto& [name, weight] : weights_of(c)) home.set_weight(name, weight);
  }
  ResidentParameters home;
  CopiedParameters copies{home};
  RingAttention ring;
  CausalLM model;
};

// The steps of one rank: after each, the logits of the token that was read last.
void go_through(const ModelCase& c, Communicator& group, const at::Tensor& expected) {
  Rank rank(c, group);
  const std::unique_ptr<KeyCache> cache = rank.model.make_cache(group, false);
  const auto compare = [&](const at::Tensor& logits) {
    const double error = largest_difference(logits, expected[cache->length() - 1]);
    EXPECT_LE(error, 1e-9) << "rank " << group.rank() << " of " << group.size() << ", " << cache->length()
                           << " tokens";
  };
  compare(rank.model.read(tokens_of(c, 0, kPrompt), c.factors, *cache));
  for (int64_t t = kPrompt; t < kPrompt + 4; ++t) {
    compare(rank.model.extend(tokens_of(c, t, t + 1), c.factors, *cache));
  }
  compare(rank.model.extend(tokens_of(c, 13, 20), c.factors, *cache));
  if (cache->reaches_back_to(11)) {
    cache->truncate(11);
  } else {  // keys before a sliding window are gone
    EXPECT_GT(c.config.sliding_window, 0);
    rank.model.read(tokens_of(c, 0, 11), c.factors, *cache);
  }
  compare(rank.model.extend(tokens_of(c, 11, 12), c.factors, *cache));
  compare(rank.model.extend(tokens_of(c, 12, 25), c.factors, *cache));
  compare(rank.model.read(tokens_of(c, 0, 4), c.factors, *cache));
  compare(rank.model.extend(tokens_of(c, 4, 5), c.factors, *cache));
  EXPECT_TRUE(rank.copies.complaints().empty()) << rank.copies.complaints().front();
}

std::vector<FamilyOptions> cases() {
  std::vector<FamilyOptions> all = family_options();
  all.push_back({"llama", {.length = 32}});
  all.push_back({"llama_factors_by_layer", {.length = 32, .per_layer_factors = true}});
  all.push_back({"llama_start_tokens", {.length = 32, .start_tokens = 3}});
  all.push_back({"phi3_partial_rotary", {.family = "phi3", .rotary_dim = 4, .length = 32}});
  all.push_back({"qwen2_biases", {.family = "qwen2", .qkv_bias = true, .length = 32}});
  return all;
}

class GenerationPasses : public ::testing::TestWithParam<FamilyOptions> {};

TEST_P(GenerationPasses, LogitsAreTheOracles) {
  const ModelCase c = make_case(GetParam().options);
  const at::Tensor expected = logits_by_oracle(c, c.factors);
  for (const int ranks : {1, 2, 3, 4}) {
    run_thread_world(ranks, [&](Communicator& group) { go_through(c, group, expected); });
  }
}

INSTANTIATE_TEST_SUITE_P(All, GenerationPasses, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// Of one layer a fresh pass under other factors and a turn are the same.
TEST(GenerationTurn, OfOneLayerIsAPassUnderTheOtherFactors) {
  const ModelCase c = make_case({.layers = 1, .length = 32, .per_layer_factors = true});
  FactorSet other = c.factors;
  for (double& factor : other.factors) factor *= 3;
  other.attention_temperature = 0.9;
  other.start_tokens = 2;
  const at::Tensor expected = logits_by_oracle(c, other);
  run_thread_world(2, [&](Communicator& group) {
    Rank rank(c, group);
    const std::unique_ptr<KeyCache> cache = rank.model.make_cache(group, true);
    rank.model.read(tokens_of(c, 0, 12), c.factors, *cache);
    rank.model.extend(tokens_of(c, 12, 13), c.factors, *cache);
    rank.model.turn(other, *cache);
    const at::Tensor logits = rank.model.extend(tokens_of(c, 13, 14), other, *cache);
    EXPECT_LE(largest_difference(logits, expected[13]), 1e-9);
  });
}

// The share of a rank is a P-th of the whole; what reserve() promises holds.
TEST(KeyCacheMemory, IsSharedAndReserved) {
  const ModelCase c = make_case({.length = 32});
  const ModelConfig& config = c.config;
  for (const int ranks : {1, 4}) {
    run_thread_world(ranks, [&](Communicator& group) {
      Rank rank(c, group, at::kFloat);
      const std::unique_ptr<KeyCache> cache = rank.model.make_cache(group, false);
      cache->reserve(32);
      const int64_t reserved = cache->bytes();
      rank.model.read(tokens_of(c, 0, 9), c.factors, *cache);
      for (int64_t t = 9; t < 32; ++t) rank.model.extend(tokens_of(c, t, t + 1), c.factors, *cache);
      EXPECT_EQ(cache->bytes(), reserved);
      const int64_t rows = 32 / ranks + 3;
      EXPECT_EQ(reserved, 2 * config.num_layers * rows * config.num_kv_heads * config.head_dim *
                              static_cast<int64_t>(sizeof(float)));
      EXPECT_EQ(reserved / rows, key_cache_bytes(config, 32, ranks, sizeof(float), false) * ranks / 32);
      int64_t held = std::ssize(cache->positions(0));
      group.all_reduce(&held, 1, DType::kI64, ReduceOp::kSum);
      EXPECT_EQ(held, 32);
    });
  }
}

// Of 32 tokens a layer with a window of 8 holds 8 to 10, and what is read later sees what it should.
TEST(KeyCacheMemory, SlidingLayersForgetWhatNoTokenSees) {
  const auto some_windows = [](ModelConfig& config) {
    config.sliding_window = 8;
    config.sliding_layers = {true, false, true};
    config.honours_window = true;
  };
  const ModelCase c =
      make_case({.layers = 3, .family = "qwen3", .qk_norm = true, .length = 32, .change = some_windows});
  const at::Tensor expected = logits_by_oracle(c, c.factors);
  for (const int ranks : {1, 2, 4}) {
    run_thread_world(ranks, [&](Communicator& group) {
      Rank rank(c, group);
      const std::unique_ptr<KeyCache> cache = rank.model.make_cache(group, false);
      const auto held = [&](int64_t layer) {
        int64_t tokens = std::ssize(cache->positions(layer));
        group.all_reduce(&tokens, 1, DType::kI64, ReduceOp::kSum);
        return tokens;
      };
      for (const int64_t prompt : {3, 20}) {
        rank.model.read(tokens_of(c, 0, prompt), c.factors, *cache);
        for (int64_t t = prompt; t < 32; ++t) {
          const at::Tensor logits = rank.model.extend(tokens_of(c, t, t + 1), c.factors, *cache);
          EXPECT_LE(largest_difference(logits, expected[t]), 1e-9) << t;
          EXPECT_EQ(held(1), t + 1);
          EXPECT_GE(held(0), std::min<int64_t>(t + 1, 8));
          EXPECT_LE(held(0), 11);
        }
      }
      EXPECT_TRUE(cache->reaches_back_to(31));
      EXPECT_FALSE(cache->reaches_back_to(20));
      EXPECT_TRUE(cache->reaches_back_to(0));
    });
  }
  EXPECT_EQ(key_cache_bytes(c.config, 1000, 1, 4, false),
            2 * (1000 + 2 * 10) * c.config.num_kv_heads * c.config.head_dim * 4);
}

TEST(KeyCacheMemory, HoldsKeysBeforeRotationOfLayersWithFactorsAlone) {
  const auto bytes_of = [](const char* family, const std::function<void(ModelConfig&)>& change, bool keeps) {
    const ModelCase c = make_case({.layers = 3, .family = family, .length = 32, .change = change});
    int64_t bytes = 0;
    run_thread_world(1, [&](Communicator& group) {
      Rank rank(c, group);
      const std::unique_ptr<KeyCache> cache = rank.model.make_cache(group, keeps);
      cache->reserve(32);
      bytes = cache->bytes();
    });
    return bytes;
  };
  const auto none = [](ModelConfig&) {};
  const auto unrotated = [](ModelConfig& config) { config.unrotated_layers = {true, false, true}; };
  EXPECT_EQ(2 * bytes_of("llama", none, true), 3 * bytes_of("llama", none, false));
  EXPECT_EQ(6 * bytes_of("smollm3", unrotated, true), 7 * bytes_of("smollm3", unrotated, false));
  ModelConfig config = make_case({.layers = 3, .family = "smollm3", .change = unrotated}).config;
  EXPECT_EQ(6 * key_cache_bytes(config, 32, 1, 2, true), 7 * key_cache_bytes(config, 32, 1, 2, false));
}

TEST(GenerationPasses, RefusesWhatItCannotRead) {
  const ModelCase c =
      make_case({.length = 32, .change = [](ModelConfig& config) { config.sliding_window = 8; }});
  run_thread_world(1, [&](Communicator& group) {
    Rank rank(c, group);
    const std::unique_ptr<KeyCache> cache = rank.model.make_cache(group, false);
    rank.model.read(tokens_of(c, 0, 8), c.factors, *cache);
    expect_error(ErrorKind::kBadData, {"9 tokens are more than the sliding window of 8"},
                 [&] { rank.model.extend(tokens_of(c, 8, 9), c.factors, *cache); });
    expect_error(ErrorKind::kBadData, {"the vocabulary has 29"},
                 [&] { rank.model.extend({29}, c.factors, *cache); });
  });
}

}  // namespace
}  // namespace ropeway::testing
