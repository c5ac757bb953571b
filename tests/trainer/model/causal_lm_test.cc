// evaluate(), the cutting of batches, and what the engine refuses.
#include "trainer/model/causal_lm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/loss/cross_entropy.h"
#include "parallel/attention/ring_attention.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"

namespace ropeway::testing {
namespace {

TEST(EvaluateTest, MarksTokensWhoseLabelIsTheArgMax) {
  ModelCase c = make_case({});
  const PlainResult plain = run_plain(c);
  const at::Tensor best = plain.logits.argmax(-1);
  c.labels.narrow(1, 0, 5).copy_(best.narrow(1, 0, 5));
  const EngineResult found = run_on_threads(c, {}, 1);
  EXPECT_TRUE(at::equal(found.correct, ((c.labels == best) & (c.labels >= 0)).to(at::kDouble)));
  EXPECT_GE(found.correct.sum().item<double>(), 10);
}

TEST(EvaluateTest, GivesZeroWhereThereIsNoLabel) {
  const ModelCase c = make_case({});
  const EngineResult found = run_on_threads(c, {}, 1);
  EXPECT_EQ((found.nll * (c.labels < 0)).abs().sum().item<double>(), 0);
}

TEST(EvaluateTest, FollowsAChangeOfFactorsAndBack) {
  const ModelCase c = make_case({});
  ModelCase other = c;
  for (double& factor : other.factors.factors) factor *= 2;
  ResidentParameters store(c.config, at::kDouble);
  initialize_weights(store, c.config, 3);
  auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  CausalLM model(c.config, store, ring, {});
  const LocalBatch batch = whole_batch(c);
  const at::Tensor first = model.evaluate(batch, c.factors).nll;
  EXPECT_FALSE(at::equal(model.evaluate(batch, other.factors).nll, first));
  EXPECT_TRUE(at::equal(model.evaluate(batch, c.factors).nll, first));
}

// Whether a longer sequence is meant must have been said, on every rank.
TEST(EvaluateTest, RefusesSequencesBeyondASlidingWindow) {
  ModelCase c = make_case({.family = "mistral"});
  c.config.sliding_window = 16;
  EXPECT_NO_THROW(run_on_threads(c, {}, 2));
  c.config.sliding_window = 15;
  EXPECT_THROW(run_on_threads(c, {}, 2), Error);
  c.config.honours_window = true;
  EXPECT_NO_THROW(run_on_threads(c, {}, 2));
}

TEST(EvaluateTest, PaddingIsNotBeyondASlidingWindow) {
  ModelCase c = make_case({.family = "mistral"});
  c.config.sliding_window = 4;
  ResidentParameters store(c.config, at::kDouble);
  initialize_weights(store, c.config, 3);
  const auto world = make_world_of_one();
  RingAttention ring(*world, host_ring_links(*world), Placement::kZigzag, /*chunk_multiple=*/8);
  CausalLM model(c.config, store, ring, {});
  EXPECT_NO_THROW(model.evaluate(make_local_batch({{1, 2, 3, 4}}, {}, ring.split(), at::kDouble), c.factors));
  EXPECT_THROW(model.evaluate(make_local_batch({{1, 2, 3, 4, 5}}, {}, ring.split(), at::kDouble), c.factors),
               Error);
}

at::Tensor rows(int64_t count, const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong).view({count, -1});
}

class LocalBatchTest : public ::testing::Test {
 protected:
  const std::vector<std::vector<int32_t>> sequences_{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}};
};

TEST_F(LocalBatchTest, ShiftsLabelsBeforeItCuts) {
  std::vector<LocalBatch> batches(2);
  run_thread_world(2, [&](Communicator& group) {
    RingAttention ring(group, Placement::kZigzag);
    batches[static_cast<size_t>(group.rank())] = make_local_batch(sequences_, {}, ring.split(), at::kFloat);
  });
  EXPECT_EQ(batches[0].layout.positions(0), (std::vector<int64_t>{0, 1, 6, 7}));
  EXPECT_TRUE(at::equal(batches[0].tokens, at::tensor({0, 1, 6, 7, 7, 6, 1, 0}, at::kLong).view({2, 4})));
  EXPECT_TRUE(at::equal(batches[0].labels, rows(2, {1, 2, 7, kIgnoredLabel, 6, 5, 0, kIgnoredLabel})));
  EXPECT_TRUE(at::equal(batches[1].labels, at::tensor({3, 4, 5, 6, 4, 3, 2, 1}, at::kLong).view({2, 4})));
  EXPECT_FALSE(batches[0].weights.defined());
}

TEST_F(LocalBatchTest, GivesATokenTheWeightOfPredictingTheNext) {
  auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  const LocalBatch batch =
      make_local_batch({sequences_[0]}, {{1, 2, 3, 4, 5, 6, 7}}, ring.split(), at::kDouble);
  EXPECT_TRUE(at::equal(batch.weights, at::tensor({1, 2, 3, 4, 5, 6, 7, 0}, at::kDouble).view({1, 8})));
}

TEST_F(LocalBatchTest, RefusesSequencesOfDifferentLengths) {
  auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  EXPECT_THROW(make_local_batch({{1, 2, 3, 4}, {1, 2}}, {}, ring.split(), at::kFloat), Error);
}

TEST_F(LocalBatchTest, RefusesTooFewWeights) {
  auto world = make_world_of_one();
  RingAttention ring(*world, Placement::kZigzag);
  EXPECT_THROW(make_local_batch({{1, 2, 3, 4}}, {{1, 1}}, ring.split(), at::kFloat), Error);
}

TEST_F(LocalBatchTest, PadsWhatRanksCannotShare) {
  std::vector<LocalBatch> batches(2);
  run_thread_world(2, [&](Communicator& group) {
    RingAttention ring(group, host_ring_links(group), Placement::kZigzag, /*chunk_multiple=*/3);
    batches[static_cast<size_t>(group.rank())] =
        make_local_batch({sequences_[0]}, {{1, 2, 3, 4, 5, 6, 7}}, ring.split(), at::kDouble);
  });
  EXPECT_EQ(batches[0].layout.longest(), 8);
  EXPECT_EQ(batches[0].layout.positions(0), (std::vector<int64_t>{0, 1, 2, 9, 10, 11}));
  EXPECT_EQ(batches[1].layout.positions(0), (std::vector<int64_t>{3, 4, 5, 6, 7, 8}));
  EXPECT_TRUE(at::equal(batches[0].labels, rows(1, {1, 2, 3, kIgnoredLabel, kIgnoredLabel, kIgnoredLabel})));
  EXPECT_TRUE(at::equal(batches[1].labels, rows(1, {4, 5, 6, 7, kIgnoredLabel, kIgnoredLabel})));
  EXPECT_TRUE(at::equal(batches[1].tokens, at::tensor({3, 4, 5, 6, 7, 0}, at::kLong).view({1, 6})));
  EXPECT_TRUE(at::equal(batches[1].weights, at::tensor({4, 5, 6, 7, 0, 0}, at::kDouble).view({1, 6})));
}

// The same sequences on one rank as they are and on two ranks with a third more of padding.
TEST_F(LocalBatchTest, PaddingChangesNoFigure) {
  const ModelCase c = make_case({});
  struct Found {
    double loss = 0, nll = 0;
    at::Tensor gradients;
    FactorGradient factors;
  };
  const auto run = [&](int ranks, int64_t chunk_multiple) {
    std::vector<Found> shares(static_cast<size_t>(ranks));
    run_thread_world(ranks, [&](Communicator& group) {
      RingAttention ring(group, host_ring_links(group), Placement::kZigzag, chunk_multiple);
      ResidentParameters store(c.config, at::kDouble);
      initialize_weights(store, c.config, 3);
      CausalLM model(c.config, store, ring, {});
      const LocalBatch batch = make_local_batch(sequences_, {}, ring.split(), at::kDouble);
      Found& found = shares[static_cast<size_t>(group.rank())];
      found.nll = model.evaluate(batch, c.factors).nll.sum().item<double>();
      found.factors = model.factor_gradient(batch, c.factors, 0.1).gradient;
      found.loss = model.forward_backward(batch, c.factors, 0.1);
      found.gradients = store.flat_gradients().clone();
    });
    Found sum = shares[0];
    for (size_t r = 1; r < shares.size(); ++r) {
      sum.loss += shares[r].loss;
      sum.nll += shares[r].nll;
      sum.gradients += shares[r].gradients;
      sum.factors.log_temperature += shares[r].factors.log_temperature;
      for (size_t i = 0; i < sum.factors.log_factors.size(); ++i)
        sum.factors.log_factors[i] += shares[r].factors.log_factors[i];
    }
    return sum;
  };
  const Found plain = run(1, 1), padded = run(2, 3);
  EXPECT_NEAR(padded.nll, plain.nll, 1e-12 * plain.nll);
  EXPECT_NEAR(padded.loss, plain.loss, 1e-12 * plain.loss);
  EXPECT_LE(relative_error(padded.gradients, plain.gradients), 1e-12);
  for (size_t i = 0; i < plain.factors.log_factors.size(); ++i)
    EXPECT_NEAR(padded.factors.log_factors[i], plain.factors.log_factors[i], 1e-12);
  EXPECT_NEAR(padded.factors.log_temperature, plain.factors.log_temperature, 1e-12);
}

TEST_F(LocalBatchTest, TheLastTokenOfADocumentHasNoLabel) {
  const SequenceLayout layout({}, {{.length = 8, .documents = {0, 3}}, {.length = 8}});
  const LocalBatch batch = make_local_batch(sequences_, {}, layout, at::kDouble);
  EXPECT_TRUE(at::equal(batch.labels, rows(2, {1, 2, kIgnoredLabel, 4, 5, 6, 7, kIgnoredLabel,  //
                                               6, 5, 4, 3, 2, 1, 0, kIgnoredLabel})));
}

TEST_F(LocalBatchTest, SequencesOfDifferentLengthsArePaddedToTheLongest) {
  const SequenceLayout layout({.chunk_multiple = 2}, {{.length = 3}, {.length = 7}});
  const LocalBatch batch =
      make_local_batch({{5, 6, 7}, {1, 2, 3, 4, 5, 6, 7}}, {{2, 3}, {1, 1, 1, 1, 1, 9}}, layout, at::kDouble);
  constexpr int64_t kNone = kIgnoredLabel;
  EXPECT_TRUE(at::equal(batch.tokens, rows(2, {5, 6, 7, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0})));
  EXPECT_TRUE(at::equal(batch.labels, rows(2, {6, 7, kNone, kNone, kNone, kNone, kNone, kNone,  //
                                               2, 3, 4, 5, 6, 7, kNone, kNone})));
  EXPECT_TRUE(at::equal(
      batch.weights, at::tensor({2, 3, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 9, 0, 0}, at::kDouble).view({2, 8})));
}

TEST_F(LocalBatchTest, RefusesSequencesThatAreNotThoseOfTheLayout) {
  EXPECT_THROW(make_local_batch(sequences_, {}, SequenceLayout({}, 2, 7), at::kDouble), Error);
  EXPECT_THROW(make_local_batch(sequences_, {}, SequenceLayout({}, 3, 8), at::kDouble), Error);
}

class RefusalTest : public ::testing::Test {
 protected:
  std::string message(const ModelCase& c) {
    try {
      run_on_threads(c, {}, 1);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      return error.what();
    }
    return "";
  }
  ModelCase case_ = make_case({});
};

TEST_F(RefusalTest, NamesATokenOutsideTheVocabulary) {
  case_.tokens[1][2] = 29;
  EXPECT_EQ(message(case_), "token 29 at index 18 of a batch; the vocabulary has 29");
}

TEST_F(RefusalTest, NamesALabelOutsideTheVocabulary) {
  case_.labels[0][3] = -7;
  EXPECT_EQ(message(case_), "label -7 at index 3 of a batch; the vocabulary has 29");
}

TEST_F(RefusalTest, NamesAFactorSetOfTheWrongSize) {
  case_.factors.factors.pop_back();
  EXPECT_EQ(message(case_), "factor set 'test' has 3 factors; this model has 4 rotary pairs in 2 layers");
}

}  // namespace
}  // namespace ropeway::testing
