// 1, 2, 4 and 8 thread-ranks against the oracle of one process.
#include <gtest/gtest.h>

#include "kernels/loss/cross_entropy.h"
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
