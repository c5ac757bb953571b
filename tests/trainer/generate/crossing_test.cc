// A text that grows from the original window into one set and from there into the next.
//   reread  equal, token by token, to a pass over all tokens under the set for their number (the oracle)
//   keep    equal to a plain decoder that keeps what every layer's keys and values were when their token was
//           read, and rotates those keys as the set in force says
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/generate/generating_rank.h"

namespace ropeway::testing {
namespace {

constexpr int64_t kWindow = 12, kFirst = 20;  // up to which the original RoPE and the first set are for
constexpr int64_t kNew = 24;

FactorSet grown(const ModelCase& c, const char* name, double by, double temperature, int64_t start_tokens) {
  FactorSet set = c.factors;
  set.name = name;
  for (size_t i = 0; i < set.factors.size(); ++i) set.factors[i] = 1 + by * static_cast<double>(i + 1);
  set.attention_temperature = temperature;
  set.start_tokens = start_tokens;
  return set;
}

// The sets differ enough that each gives another text.
FactorsOfLength three_sets(const ModelCase& c) {
  return [none = grown(c, "none", 0, 1, 0), first = grown(c, "first", 2, 1.3, 0),
          second = grown(c, "second", 9, 1.7, 2)](int64_t length) {
    return length <= kWindow ? none : length <= kFirst ? first : second;
  };
}

// A Llama in F64, a token at a time: per layer, the keys before RoPE and the values of each token as they were
// when it was read.
class PlainDecoder {
 public:
  explicit PlainDecoder(const ModelCase& c)
      : config_(c.config), weights_(weights_of(c)), keys_(config_.num_layers), values_(config_.num_layers) {}

  // Reads `count` first tokens as one pass does, or one more token; both under this set.
  at::Tensor next(const std::vector<int32_t>& tokens, const FactorSet& set) {
    const auto begin = keys_[0].defined() ? keys_[0].size(0) : 0;
    const std::vector<int32_t> fresh(tokens.begin() + begin, tokens.end());
    at::Tensor x = weights_.at("model.embed_tokens.weight").index_select(0, at::tensor(fresh, at::kLong));
    for (int64_t layer = 0; layer < config_.num_layers; ++layer) x = block(layer, x, begin, set);
    return norm(x[-1], weights_.at("model.norm.weight")).matmul(weights_.at("lm_head.weight").t());
  }

 private:
  const at::Tensor& of(int64_t layer, const std::string& part) const {
    return weights_.at("model.layers." + std::to_string(layer) + "." + part + ".weight");
  }
  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const {
    return x / ((x * x).mean(-1, true) + config_.rms_norm_eps).sqrt() * weight;
  }
  // x [n, heads, D] at positions from `first` on, as complex numbers.
  at::Tensor rotated(const at::Tensor& x, int64_t first, const FactorSet& set) const {
    const int64_t half = config_.head_dim / 2;
    std::vector<at::Tensor> rows;
    for (int64_t i = 0; i < x.size(0); ++i) {
      std::vector<double> cos, sin;
      for (int64_t pair = 0; pair < half; ++pair) {
        const auto n = static_cast<double>(first + i);
        const bool scaled = first + i >= set.start_tokens;
        const double theta =
            std::pow(config_.rope_theta, -2.0 * static_cast<double>(pair) / static_cast<double>(2 * half));
        const double angle = n * theta / (scaled ? set.factors[static_cast<size_t>(pair)] : 1);
        const double m = scaled ? set.attention_temperature : 1;
        cos.push_back(m * std::cos(angle));
        sin.push_back(m * std::sin(angle));
      }
      const at::Tensor c = at::tensor(cos, at::kDouble), s = at::tensor(sin, at::kDouble);
      const at::Tensor a = x[i].narrow(-1, 0, half), b = x[i].narrow(-1, half, half);
      rows.push_back(at::cat({a * c - b * s, b * c + a * s}, -1));
    }
    return at::stack(rows);
  }
  at::Tensor block(int64_t layer, const at::Tensor& x, int64_t begin, const FactorSet& set) {
    const int64_t n = x.size(0), d = config_.head_dim, h = config_.num_heads, kv = config_.num_kv_heads;
    const at::Tensor in = norm(x, of(layer, "input_layernorm"));
    const auto heads = [&](const char* part, int64_t count) {
      return in.matmul(of(layer, part).t()).view({n, count, d});
    };
    at::Tensor &keys = keys_[layer], &values = values_[layer];
    const at::Tensor k = heads("self_attn.k_proj", kv), v = heads("self_attn.v_proj", kv);
    keys = keys.defined() ? at::cat({keys, k}) : k;
    values = values.defined() ? at::cat({values, v}) : v;
    const at::Tensor turned = rotated(keys, 0, set), q = rotated(heads("self_attn.q_proj", h), begin, set);
    std::vector<at::Tensor> attended;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t head = 0; head < h; ++head) {
        const int64_t group = head / (h / kv), seen = begin + i + 1;
        const at::Tensor scores =
            turned.select(1, group).narrow(0, 0, seen).matmul(q[i][head]) / std::sqrt(static_cast<double>(d));
        attended.push_back(scores.softmax(-1).matmul(values.select(1, group).narrow(0, 0, seen)));
      }
    }
    const at::Tensor middle =
        x + at::cat(attended).view({n, h * d}).matmul(of(layer, "self_attn.o_proj").t());
    const at::Tensor read = norm(middle, of(layer, "post_attention_layernorm"));
    const at::Tensor gate = read.matmul(of(layer, "mlp.gate_proj").t());
    const at::Tensor hidden = gate * gate.sigmoid() * read.matmul(of(layer, "mlp.up_proj").t());
    return middle + hidden.matmul(of(layer, "mlp.down_proj").t());
  }

  const ModelConfig config_;
  const std::map<std::string, at::Tensor> weights_;
  std::vector<at::Tensor> keys_, values_;  // [n, K, D]
};

std::vector<int32_t> greedy_by_decoder(const ModelCase& c, std::vector<int32_t> tokens,
                                       const FactorsOfLength& factors) {
  PlainDecoder decoder(c);
  std::vector<int32_t> made;
  for (int64_t i = 0; i < kNew; ++i) {
    const at::Tensor logits = decoder.next(tokens, factors(std::ssize(tokens)));
    made.push_back(static_cast<int32_t>(logits.argmax().item<int64_t>()));
    tokens.push_back(made.back());
  }
  return made;
}

std::vector<ModelCase> crossing_cases() {
  std::vector<ModelCase> cases;
  for (const uint64_t seed : {1, 2, 3}) cases.push_back(generating_case({.layers = 3, .seed = seed}));
  return cases;
}

TEST(Crossing, RereadTextIsThatOfFreshPassesUnderTheRightSets) {
  for (const ModelCase& c : crossing_cases()) {
    const std::vector<int32_t> prompt = first_tokens(c, 8);
    const std::vector<int32_t> expected = greedy_by_oracle(c, prompt, kNew, three_sets(c));
    for (const int ranks : {1, 2, 4}) {
      std::vector<Crossing> crossings;
      GeneratorOptions options{.factors = three_sets(c), .on_crossing = OnCrossing::kReread};
      if (ranks == 1) options.crossed = [&](const Crossing& one) { crossings.push_back(one); };
      for (const Generated& made : generated_on(ranks, c, prompt, options, {.max_new_tokens = kNew})) {
        EXPECT_EQ(made.tokens, expected) << ranks << " ranks";
      }
      if (ranks > 1) continue;
      ASSERT_EQ(crossings.size(), 2u);
      EXPECT_EQ(crossings[0].length, kWindow + 1);
      EXPECT_EQ(crossings[1].length, kFirst + 1);
      EXPECT_EQ(crossings[1].from.name, "first");
      EXPECT_EQ(crossings[1].to.name, "second");
      EXPECT_TRUE(crossings[1].reread);
    }
  }
}

TEST(Crossing, KeptTextIsThatOfADecoderThatTurnsItsKeys) {
  int others = 0;  // texts that reading again would have changed
  for (const ModelCase& c : crossing_cases()) {
    const std::vector<int32_t> prompt = first_tokens(c, 8);
    const std::vector<int32_t> expected = greedy_by_decoder(c, prompt, three_sets(c));
    for (const int ranks : {1, 2, 4}) {
      const GeneratorOptions options{.factors = three_sets(c), .on_crossing = OnCrossing::kKeep};
      for (const Generated& made : generated_on(ranks, c, prompt, options, {.max_new_tokens = kNew})) {
        EXPECT_EQ(made.tokens, expected) << ranks << " ranks";
      }
    }
    if (greedy_by_oracle(c, prompt, kNew, three_sets(c)) != expected) ++others;
  }
  EXPECT_GT(others, 0) << "the two ways cannot be told apart by these texts";
}

// With one layer nothing lies between the factors and the keys: both ways are a fresh pass.
TEST(Crossing, OfOneLayerIsTheSameEitherWay) {
  const ModelCase c = generating_case({.layers = 1});
  const std::vector<int32_t> prompt = first_tokens(c, 8);
  const std::vector<int32_t> expected = greedy_by_oracle(c, prompt, kNew, three_sets(c));
  for (const OnCrossing way : {OnCrossing::kReread, OnCrossing::kKeep}) {
    const GeneratorOptions options{.factors = three_sets(c), .on_crossing = way};
    EXPECT_EQ(generated_on(2, c, prompt, options, {.max_new_tokens = kNew}).front().tokens, expected);
  }
}

// A prompt that is longer than what was read, or shorter, goes to its own set at once.
TEST(Crossing, OfAConversationIsSeenAtTheNextPrompt) {
  const ModelCase c = generating_case({.layers = 2});
  const GeneratorOptions options{.factors = three_sets(c)};
  run_thread_world(2, [&](Communicator& group) {
    GeneratingRank rank(c, group, options);
    for (const int64_t length : {5, 30, 15, 40, 11}) {
      const std::vector<int32_t> prompt = first_tokens(c, length);
      EXPECT_EQ(rank.generator.generate(prompt, {.max_new_tokens = 6}).tokens,
                greedy_by_oracle(c, prompt, 6, three_sets(c)))
          << length;
    }
  });
}

}  // namespace
}  // namespace ropeway::testing
