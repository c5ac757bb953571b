// The same proof over real MPI processes: every rank runs its share, the shares are summed, each rank
// compares.
#include <gtest/gtest.h>

#include <span>

#include "parallel/comm/exchange_values.h"
#include "parallel/layout/head_shares.h"
#include "tests/parallel/mesh_attention.h"
#include "tests/parallel/mpi_main.h"
#include "tests/trainer/model/sharded_cases.h"

namespace ropeway::testing {
namespace {

void sum_over_ranks(Communicator& world, at::Tensor& values) {
  world.all_reduce(values.data_ptr<double>(), values.numel(), DType::kF64, ReduceOp::kSum);
}

ShardedErrors errors_of(const ShardedCase& sharded, at::ScalarType dtype, int heads = 1,
                        ZeroStage zero = ZeroStage::kOptimizerState) {
  Communicator& world = mpi_session().world();
  const ModelCase c = make_case(sharded.options);
  EngineRun run;
  run.dtype = dtype;
  run.zero = zero;
  run.placement = sharded.placement;
  run.make_attention = [heads](Communicator& group, Placement placement) {
    return std::make_unique<MeshAttention>(group, heads, placement);
  };
  EngineResult sum = run_engine(c, run, world);
  sum.loss = all_reduce_sum(world, sum.loss);
  sum_over_ranks(world, sum.flat_gradients);
  sum_over_ranks(world, sum.nll);
  return sharded_errors(c, sum);
}

class MpiShardedTest : public ::testing::TestWithParam<ShardedCase> {
 protected:
  static ShardedErrors errors(at::ScalarType dtype, ZeroStage zero = ZeroStage::kOptimizerState) {
    return errors_of(GetParam(), dtype, 1, zero);
  }
};

TEST_P(MpiShardedTest, AgreesWithOneProcessInDouble) {
  const ShardedErrors found = errors(at::kDouble);
  EXPECT_LE(found.loss, 1e-12);
  EXPECT_LE(found.nll, 1e-12);
  EXPECT_LE(found.worst.error, 1e-10) << found.worst.name;
}

TEST(MpiSharedHeads, AgreeWithOneProcessInDouble) {
  for (const ShardedCase& sharded : sharded_cases()) {
    if (!can_share_heads(sharded.options.heads, sharded.options.kv_heads, 2)) continue;
    const ShardedErrors found = errors_of(sharded, at::kDouble, 2);
    EXPECT_LE(found.loss, 1e-12) << sharded;
    EXPECT_LE(found.worst.error, 1e-10) << sharded << ": " << found.worst.name;
  }
}

TEST_P(MpiShardedTest, InFloatAgreesWithOneProcessInDouble) {
  const ShardedErrors found = errors(at::kFloat);
  EXPECT_LE(found.nll, 1e-6);
  EXPECT_LE(found.gradient, 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, MpiShardedTest, ::testing::ValuesIn(sharded_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

// Gradients, or weights too, shared out among the ranks. A block's exchanges do not depend on the family.
class MpiZeroTest : public MpiShardedTest {};

TEST_P(MpiZeroTest, AgreesWithOneProcessInDouble) {
  for (const ZeroStage zero : {ZeroStage::kGradients, ZeroStage::kWeights}) {
    const ShardedErrors found = errors(at::kDouble, zero);
    EXPECT_LE(found.loss, 1e-12);
    EXPECT_LE(found.nll, 1e-12);
    EXPECT_LE(found.worst.error, 1e-10) << found.worst.name;
  }
}

std::vector<ShardedCase> llama_cases() {
  std::vector<ShardedCase> cases = sharded_cases();
  std::erase_if(cases, [](const ShardedCase& c) { return std::string_view(c.options.family) != "llama"; });
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Cases, MpiZeroTest, ::testing::ValuesIn(llama_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ropeway::testing
