// 1, 2, 4 and 8 thread-ranks against the oracle of one process.
#include <gtest/gtest.h>

#include "kernels/loss/cross_entropy.h"
#include "tests/parallel/mesh_attention.h"
#include "tests/trainer/model/sharded_cases.h"

namespace ropeway::testing {
namespace {

class ShardedTest : public ::testing::TestWithParam<std::tuple<ShardedCase, int>> {
 protected:
  ShardedErrors errors(at::ScalarType dtype) const {
    const auto& [sharded, ranks] = GetParam();
    const ModelCase c = make_case(sharded.options);
    EngineRun run;
    run.dtype = dtype;
    run.placement = sharded.placement;
    return sharded_errors(c, run_on_threads(c, run, ranks));
  }
};

TEST_P(ShardedTest, AgreesWithOneProcessInDouble) {
  const ShardedErrors found = errors(at::kDouble);
  EXPECT_LE(found.loss, 1e-12);
  EXPECT_LE(found.nll, 1e-12);
  EXPECT_LE(found.worst.error, 1e-10) << found.worst.name;
}

TEST_P(ShardedTest, InFloatAgreesWithOneProcessInDouble) {
  const ShardedErrors found = errors(at::kFloat);
  EXPECT_LE(found.loss, 1e-6);
  EXPECT_LE(found.nll, 1e-6);
  EXPECT_LE(found.gradient, 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Ranks, ShardedTest,
                         ::testing::Combine(::testing::ValuesIn(sharded_cases()),
                                            ::testing::Values(1, 2, 4, 8)),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

// Eight ranks in all their factorisations, with a head for every rank and with one key head for all.
struct Sharing {
  int heads;
  int64_t key_heads;
  Placement placement = Placement::kZigzag;
};
class HeadsAndRing : public ::testing::TestWithParam<Sharing> {};

TEST_P(HeadsAndRing, GiveTheLossesAndGradientsOfOneProcess) {
  const auto& [heads, key_heads, placement] = GetParam();
  const ModelCase c = make_case({.heads = 8, .kv_heads = key_heads, .length = 32, .start_tokens = 3});
  EngineRun run;
  run.placement = placement;
  run.make_attention = [heads = heads](Communicator& group, Placement how) {
    return std::make_unique<MeshAttention>(group, heads, how);
  };
  for (const bool saves : {true, false}) {
    run.plan.save_attention = saves;
    const ShardedErrors found = sharded_errors(c, run_on_threads(c, run, 8));
    EXPECT_LE(found.loss, 1e-12);
    EXPECT_LE(found.nll, 1e-12);
    EXPECT_LE(found.worst.error, 1e-10) << found.worst.name;
  }
  run.factor_gradient = true;
  const FactorGradient factors = run_on_threads(c, run, 8).factors;
  const PlainResult truth = run_plain(c);
  const auto* expected = truth.log_factors.const_data_ptr<double>();
  for (size_t i = 0; i < factors.log_factors.size(); ++i)
    EXPECT_NEAR(factors.log_factors[i], expected[i], 1e-11);
}

INSTANTIATE_TEST_SUITE_P(Factorisations, HeadsAndRing,
                         ::testing::Values(Sharing{2, 8}, Sharing{4, 8}, Sharing{8, 8}, Sharing{2, 1},
                                           Sharing{4, 1}, Sharing{8, 1},
                                           Sharing{4, 2, Placement::kContiguous}),
                         [](const auto& info) {
                           return "Heads" + std::to_string(info.param.heads) + "Keys" +
                                  std::to_string(info.param.key_heads);
                         });

// A rank whose tokens are all unscored still has to pass its keys on.
TEST(ShardedTest, RankWithoutScoredTokensTakesPart) {
  ModelCase c = make_case({.sequences = 1, .length = 32, .weighted = false});
  c.labels.fill_(kIgnoredLabel);
  c.labels.narrow(1, 24, 4).fill_(3);
  c.loss_scale = 0.25;
  EngineRun run;
  run.placement = Placement::kContiguous;
  EXPECT_LE(sharded_errors(c, run_on_threads(c, run, 4)).worst.error, 1e-10);
}

}  // namespace
}  // namespace ropeway::testing
