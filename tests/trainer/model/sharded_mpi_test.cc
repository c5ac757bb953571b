// The same proof over real MPI processes: every rank runs its share, the shares are summed, each rank
// compares.
#include <gtest/gtest.h>

#include <span>

#include "parallel/comm/exchange_values.h"
#include "tests/parallel/mpi_main.h"
#include "tests/trainer/model/sharded_cases.h"

namespace ropeway::testing {
namespace {

void sum_over_ranks(Communicator& world, at::Tensor& values) {
  world.all_reduce(values.data_ptr<double>(), values.numel(), DType::kF64, ReduceOp::kSum);
}

class MpiShardedTest : public ::testing::TestWithParam<ShardedCase> {
 protected:
  ShardedErrors errors(at::ScalarType dtype) const {
    Communicator& world = mpi_session().world();
    const ModelCase c = make_case(GetParam().options);
    EngineRun run;
    run.dtype = dtype;
    run.placement = GetParam().placement;
    EngineResult sum = run_engine(c, run, world);
    sum.loss = all_reduce_sum(world, sum.loss);
    sum_over_ranks(world, sum.flat_gradients);
    sum_over_ranks(world, sum.nll);
    return sharded_errors(c, sum);
  }
};

TEST_P(MpiShardedTest, AgreesWithOneProcessInDouble) {
  const ShardedErrors found = errors(at::kDouble);
  EXPECT_LE(found.loss, 1e-12);
  EXPECT_LE(found.nll, 1e-12);
  EXPECT_LE(found.worst.error, 1e-10) << found.worst.name;
}

TEST_P(MpiShardedTest, InFloatAgreesWithOneProcessInDouble) {
  const ShardedErrors found = errors(at::kFloat);
  EXPECT_LE(found.nll, 1e-6);
  EXPECT_LE(found.gradient, 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, MpiShardedTest, ::testing::ValuesIn(sharded_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ropeway::testing
