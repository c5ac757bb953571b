// The engine on a store that hands out copies: the same bits as on resident parameters, and no rule of
// parameter_store.h broken. Then the checks themselves, on planted faults.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parallel/attention/ring_attention.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/model/copied_parameters.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/model/initial_weights.h"

namespace ropeway::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct LeaseCase {
  const char* name;
  CaseOptions shape;
  EnginePlan plan;
  at::ScalarType dtype = at::kDouble;
  int ranks = 1;
};

std::vector<LeaseCase> lease_cases() {
  const CaseOptions untied{.layers = 3}, tied{.layers = 3, .tied = true};
  const CaseOptions everything{.family = "qwen3",
                               .qkv_bias = true,
                               .output_bias = true,
                               .mlp_bias = true,
                               .qk_norm = true,
                               .per_layer_factors = true};
  const CaseOptions one_block{.layers = 1, .tied = true}, offloading{.layers = 5};
  const EnginePlan repeated{.save_attention = false, .keep_bytes = 0, .tile_tokens = 8};
  return {{"Untied", untied, {}},
          {"Tied", tied, {}},
          {"TiedAttentionRepeated", tied, repeated},
          {"UntiedAttentionRepeated", untied, repeated},
          {"TiedBF16TwoRanks", tied, {.tile_tokens = 8}, at::kBFloat16, 2},
          {"UntiedF32TwoRanks", untied, repeated, at::kFloat, 2},
          {"EveryKindOfWeight", everything, {}},
          {"OneBlock", one_block, {}},
          {"Offloaded", offloading, {.offload = true}}};
}

class ParameterLeaseTest : public ::testing::TestWithParam<LeaseCase> {
 protected:
  EngineResult run(bool copied, bool factor_gradient, int repetitions = 1) const {
    const LeaseCase& c = GetParam();
    return run_on_threads(make_case(c.shape),
                          {.dtype = c.dtype,
                           .plan = c.plan,
                           .factor_gradient = factor_gradient,
                           .repetitions = repetitions,
                           .copied_parameters = copied},
                          c.ranks);
  }
};

TEST_P(ParameterLeaseTest, EvaluatesAndTrainsToTheSameBits) {
  const EngineResult resident = run(false, false), copied = run(true, false);
  EXPECT_THAT(copied.complaints, IsEmpty());
  EXPECT_TRUE(at::equal(copied.nll, resident.nll));
  EXPECT_TRUE(at::equal(copied.correct, resident.correct));
  EXPECT_EQ(copied.loss, resident.loss);
  EXPECT_TRUE(at::equal(copied.flat_gradients, resident.flat_gradients));
  EXPECT_GT(copied.flat_gradients.abs().max().item<double>(), 0);
}

TEST_P(ParameterLeaseTest, FactorGradientsHaveTheSameBits) {
  const EngineResult resident = run(false, true), copied = run(true, true);
  EXPECT_THAT(copied.complaints, IsEmpty());
  EXPECT_EQ(copied.loss, resident.loss);
  EXPECT_EQ(copied.factors.log_factors, resident.factors.log_factors);
  EXPECT_EQ(copied.factors.log_temperature, resident.factors.log_temperature);
  EXPECT_EQ(copied.flat_gradients.abs().max().item<double>(), 0) << "no weight gradients were asked for";
}

// The second pass is added as a whole, as a store that sums over ranks does.
TEST_P(ParameterLeaseTest, PassesAddUp) {
  const EngineResult once = run(true, false), twice = run(true, false, 2);
  EXPECT_THAT(twice.complaints, IsEmpty());
  EXPECT_TRUE(at::equal(twice.flat_gradients, once.flat_gradients * 2));
}

INSTANTIATE_TEST_SUITE_P(Cases, ParameterLeaseTest, ::testing::ValuesIn(lease_cases()),
                         [](const auto& info) { return info.param.name; });

// --- The checks find what they are there for.

// An engine's calls with one kind of them left out.
class Forgetful : public CopiedParameters {
 public:
  using CopiedParameters::CopiedParameters;
  void release(ParameterUnit unit) override {
    if (!(unit == forgotten_release)) CopiedParameters::release(unit);
  }
  void gradients_done(ParameterUnit unit) override {
    if (!(unit == forgotten_report)) CopiedParameters::gradients_done(unit);
  }
  void expect(ParameterUnit unit, LeaseOf of) override {
    CopiedParameters::expect(unit == forgotten_hint ? ParameterUnit::embedding() : unit, of);
  }
  static constexpr ParameterUnit kNone = ParameterUnit::block(-1);
  ParameterUnit forgotten_release = kNone, forgotten_report = kNone, forgotten_hint = kNone;
};

class LeaseChecksTest : public ::testing::Test {
 protected:
  LeaseChecksTest() { initialize_weights(home_, case_.config, 3); }

  std::vector<std::string> train(Forgetful& store) {
    const auto world = make_world_of_one();
    RingAttention ring(*world, Placement::kZigzag);
    CausalLM model(case_.config, store, ring, {});
    model.forward_backward(whole_batch(case_), case_.factors, case_.loss_scale);
    return store.complaints();
  }
  const ModelCase case_ = make_case({.tied = true});
  ResidentParameters home_{case_.config, at::kDouble};
  Forgetful store_{home_};
  static constexpr ParameterUnit kBlock = ParameterUnit::block(1);
};

TEST_F(LeaseChecksTest, AnEngineThatKeepsTheRulesIsNotComplainedOf) {
  EXPECT_THAT(train(store_), IsEmpty());
  EXPECT_EQ(store_.passes(), 1);
}

TEST_F(LeaseChecksTest, FindALeakedLease) {
  store_.forgotten_release = kBlock;
  EXPECT_THAT(train(store_), Contains(HasSubstr("is leased while block 1 is")));
}

TEST_F(LeaseChecksTest, FindALeaseLeakedAtTheEnd) {
  store_.forgotten_release = ParameterUnit::embedding();
  store_.acquire(ParameterUnit::embedding(), LeaseOf::kWeights);
  store_.release(ParameterUnit::embedding());
  EXPECT_THAT(store_.complaints(), Contains("embedding was never released"));
}

TEST_F(LeaseChecksTest, FindGradientsThatAreNeverDone) {
  for (const ParameterUnit unit : {kBlock, ParameterUnit::head(), ParameterUnit::embedding()}) {
    Forgetful store(home_);
    store.forgotten_report = unit;
    EXPECT_THAT(train(store), Contains(HasSubstr("its gradients were never reported done")));
  }
}

TEST_F(LeaseChecksTest, FindAWrongHint) {
  store_.forgotten_hint = kBlock;
  EXPECT_THAT(train(store_), Contains("block 1 is leased where embedding was announced"));
}

TEST_F(LeaseChecksTest, FindALeaseWithoutAHint) {
  const ParameterLease lease(store_, kBlock, LeaseOf::kWeights);
  EXPECT_THAT(store_.complaints(), Contains("block 1 is leased unannounced"));
}

TEST_F(LeaseChecksTest, FindALeaseTakenTwice) {
  const ParameterLease once(store_, kBlock, LeaseOf::kWeights), again(store_, kBlock, LeaseOf::kWeights);
  EXPECT_THAT(store_.complaints(), Contains("block 1 is leased while block 1 is"));
}

TEST_F(LeaseChecksTest, FindGradientsReportedTwice) {
  const ParameterLease lease(store_, kBlock, LeaseOf::kWeightsAndGradients);
  lease.gradients_done();
  lease.gradients_done();
  EXPECT_THAT(store_.complaints(), Contains("block 1: gradients reported done twice"));
}

TEST_F(LeaseChecksTest, FindAnAdditionAfterTheReport) {
  {
    const ParameterLease lease(store_, kBlock, LeaseOf::kGradients);
    lease.gradients_done();
    lease.gradients().block.down.add_(1);
  }
  EXPECT_THAT(store_.complaints(), Contains(HasSubstr("added to gradients after they were reported done")));
}

TEST_F(LeaseChecksTest, FindAWriteToWeights) {
  {
    const ParameterLease lease(store_, kBlock, LeaseOf::kWeights);
    lease.weights().block.down.add_(1);
  }
  EXPECT_THAT(store_.complaints(), Contains("block 1: somebody wrote to leased weights"));
}

TEST_F(LeaseChecksTest, WhatIsReleasedIsUseless) {
  at::Tensor kept;
  {
    const ParameterLease lease(store_, kBlock, LeaseOf::kWeights);
    kept = lease.weights().block.down;
    EXPECT_TRUE(kept.isfinite().all().item<bool>());
  }
  EXPECT_TRUE(kept.isnan().all().item<bool>());
}

TEST_F(LeaseChecksTest, TiedGradientsGoHomeWithTheEmbedding) {
  const at::Tensor at_home = home_.gradient("model.embed_tokens.weight");
  {
    const ParameterLease head(store_, ParameterUnit::head(), LeaseOf::kWeightsAndGradients);
    head.gradients().head.fill_(2);
    head.gradients_done();
  }
  EXPECT_EQ(at_home.abs().max().item<double>(), 0);
  {
    const ParameterLease embedding(store_, ParameterUnit::embedding(), LeaseOf::kGradients);
    embedding.gradients().embedding.add_(1);
    embedding.gradients_done();
  }
  EXPECT_TRUE((at_home == 3).all().item<bool>());
}

}  // namespace
}  // namespace ropeway::testing
