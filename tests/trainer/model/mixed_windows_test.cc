// A batch whose sequences turn by sets of their own: long windows under factors beside packed short documents
// under the original RoPE, and windows that skip positions. Loss and gradients on 1, 2 and 4 ranks against
// autograd on each document by itself.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/loss/cross_entropy.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/family/weight_names.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {
namespace {

struct Mixture {
  ModelCase c;         // shape, weights and the long windows' factors
  FactorSet original;  // of short windows
  std::vector<SequenceSpec> specs;
  std::vector<std::vector<int32_t>> tokens;
  std::vector<std::vector<float>> weights;
  double weight = 0;  // of all predictions
};

// Four windows of 24 tokens: long, packed short, long with two jumps, packed short.
Mixture make_mixture(const CaseOptions& options) {
  Mixture m{.c = make_case(options), .original = {}, .specs = {}, .tokens = {}, .weights = {}};
  m.original = m.c.factors;
  m.original.factors.assign(m.c.factors.factors.size(), 1);
  m.original.attention_temperature = 1;
  m.original.start_tokens = 0;
  m.specs = {{.length = 24},
             {.length = 24, .documents = {0, 5, 13}, .factor_set = 1},
             {.length = 24, .jumps = {{7, 9}, {15, 40}}},
             {.length = 24, .documents = {0, 1, 9, 17}, .factor_set = 1}};
  Philox draws(4, Stream::kSearchData);
  for (const SequenceSpec& spec : m.specs) {
    std::vector<int32_t> tokens;
    std::vector<float> weights;
    for (int64_t t = 0; t < spec.length; ++t) {
      tokens.push_back(static_cast<int32_t>(draws.below(static_cast<uint64_t>(m.c.config.vocab_size))));
      weights.push_back(t % 5 == 0 ? 3.0f : 1.0f);
      const bool ends = t + 1 == spec.length || std::ranges::count(spec.documents, t + 1) > 0;
      if (!ends) m.weight += weights.back();
    }
    m.tokens.push_back(tokens);
    m.weights.push_back(weights);
  }
  return m;
}

struct Found {
  double loss = 0;
  at::Tensor gradients;
};

// Every document through the oracle, under its window's set.
Found one_by_one(const Mixture& m) {
  Found sum;
  for (size_t w = 0; w < m.specs.size(); ++w) {
    const SequenceSpec& spec = m.specs[w];
    for (size_t d = 0; d < spec.documents.size(); ++d) {
      const int64_t begin = spec.documents[d];
      const int64_t end = d + 1 < spec.documents.size() ? spec.documents[d + 1] : spec.length;
      std::vector<int64_t> tokens, labels, positions;
      std::vector<double> weights;
      int64_t shift = 0;
      for (int64_t t = begin; t < end; ++t) {
        for (const PositionJump& jump : spec.jumps) shift = jump.at == t ? jump.by : shift;
        tokens.push_back(m.tokens[w][static_cast<size_t>(t)]);
        labels.push_back(t + 1 < end ? m.tokens[w][static_cast<size_t>(t) + 1] : kIgnoredLabel);
        weights.push_back(m.weights[w][static_cast<size_t>(t)]);
        positions.push_back(t - begin + shift);
      }
      const auto row = [](const auto& values, at::ScalarType type) {
        return at::tensor(values, type).unsqueeze(0);
      };
      PlainLlama plain(m.c.config, weights_of(m.c), spec.factor_set == 1 ? m.original : m.c.factors,
                       at::tensor(positions, at::kLong));
      const auto out =
          plain.run(row(tokens, at::kLong), row(labels, at::kLong), row(weights, at::kDouble), 1 / m.weight);
      if (tokens.size() > 1) out.loss.backward();
      sum.loss += out.loss.item<double>();
      std::vector<at::Tensor> gradients;
      for (const NamedShape& named : weight_names(m.c.config)) {
        const at::Tensor gradient = plain.gradient(named.name);
        gradients.push_back(gradient.defined() ? gradient.flatten()
                                               : at::zeros_like(weights_of(m.c).at(named.name)).flatten());
      }
      const at::Tensor flat = at::cat(gradients);
      sum.gradients = sum.gradients.defined() ? sum.gradients + flat : flat;
    }
  }
  return sum;
}

Found together(const Mixture& m, int ranks, const EnginePlan& plan, const BatchFactors& factors) {
  std::vector<Found> shares(static_cast<size_t>(ranks));
  run_thread_world(ranks, [&](Communicator& group) {
    ResidentParameters store(m.c.config, at::kDouble);
    for (const auto& [name, weight] : weights_of(m.c)) store.set_weight(name, weight);
    RingAttention ring(group, Placement::kZigzag);
    CausalLM model(m.c.config, store, ring, plan);
    const SequenceLayout layout(ring.split(), m.specs);
    const LocalBatch batch = make_local_batch(m.tokens, m.weights, layout, at::kDouble);
    Found& found = shares[static_cast<size_t>(group.rank())];
    found.loss = model.forward_backward(batch, factors, 1 / m.weight);
    found.gradients = store.flat_gradients().clone();
    // Scoring alone sees the same losses.
    const at::Tensor nll = model.evaluate(batch, factors).nll;
    EXPECT_NEAR((nll * batch.weights).sum().item<double>() / m.weight, found.loss, 1e-12);
  });
  Found sum = shares[0];
  for (size_t r = 1; r < shares.size(); ++r) {
    sum.loss += shares[r].loss;
    sum.gradients += shares[r].gradients;
  }
  return sum;
}

void expect_as_by_themselves(const Mixture& m) {
  const Found wanted = one_by_one(m);
  EnginePlan recomputes, keeps;
  recomputes.save_attention = false;
  recomputes.keep_bytes = 0;
  recomputes.tile_tokens = 10;  // a tile holds parts of several windows
  for (const EnginePlan& plan : {keeps, recomputes}) {
    for (const int ranks : {1, 2, 4}) {
      const Found found = together(m, ranks, plan, {m.c.factors, m.original});
      EXPECT_NEAR(found.loss, wanted.loss, 1e-12 * wanted.loss) << ranks;
      const WorstParameter worst = worst_parameter(m.c.config, found.gradients, wanted.gradients);
      EXPECT_LE(worst.error, 1e-10) << worst.name << " on " << ranks;
    }
  }
}

TEST(MixedWindows, AreThoseOfEachDocumentByItself) { expect_as_by_themselves(make_mixture({.length = 24})); }

TEST(MixedWindows, MayHaveFactorsForEachLayerAndStartTokens) {
  expect_as_by_themselves(make_mixture({.length = 24, .per_layer_factors = true, .start_tokens = 3}));
}

TEST(MixedWindows, OfOneSetTwiceAreThoseOfOneSet) {
  Mixture m = make_mixture({.length = 24});
  const Found twice = together(m, 2, {}, {m.c.factors, m.c.factors});
  for (SequenceSpec& spec : m.specs) spec.factor_set = 0;
  const Found once = together(m, 2, {}, m.c.factors);
  EXPECT_EQ(twice.loss, once.loss);
  EXPECT_TRUE(at::equal(twice.gradients, once.gradients));
}

TEST(MixedWindows, WantAllOfTheirSets) {
  const Mixture m = make_mixture({.length = 24});
  EXPECT_THROW(together(m, 1, {}, m.c.factors), Error);
}

}  // namespace
}  // namespace ropeway::testing
