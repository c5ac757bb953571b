// Ring attention and the sharded optimizer over real MPI processes.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "parallel/comm/world_of_one.h"
#include "tests/parallel/layout_cases.h"
#include "tests/parallel/mpi_main.h"
#include "tests/parallel/ring_cases.h"
#include "tests/parallel/sharded_adamw_cases.h"

namespace ropeway::testing {
namespace {

class MpiRing : public ::testing::TestWithParam<RingCase> {};

TEST_P(MpiRing, AgreesWithAttentionOfTheWholeSequence) {
  const RingCase c = GetParam();
  const RingErrors errors = ring_errors(mpi_session().world(), c, make_problem(c));
  const double limit = c.dtype == at::kDouble ? 1e-10 : 2e-6;
  EXPECT_LE(errors.out, limit);
  EXPECT_LE(errors.lse, limit);
  EXPECT_LE(errors.dq, limit);
  EXPECT_LE(errors.dk, limit);
  EXPECT_LE(errors.dv, limit);
}

INSTANTIATE_TEST_SUITE_P(
    All, MpiRing,
    ::testing::Values(RingCase{.batch = 2, .kv_heads = 4}, RingCase{.batch = 2, .kv_heads = 2},
                      RingCase{.kv_heads = 1},
                      RingCase{.placement = Placement::kContiguous, .batch = 2, .kv_heads = 2},
                      RingCase{.batch = 2, .kv_heads = 2, .dtype = at::kFloat},
                      RingCase{.placement = Placement::kContiguous, .kv_heads = 1, .dtype = at::kFloat},
                      RingCase{
                          .length = 1024, .heads = 2, .kv_heads = 1, .head_dim = 32, .dtype = at::kFloat}),
    [](const ::testing::TestParamInfo<RingCase>& info) { return name_of(info.param); });

TEST(MpiRingLayouts, AgreesWithTheReferenceOnEveryLayout) {
  for (const LayoutCase& c : layout_cases()) {
    EXPECT_LE(ring_errors(mpi_session().world(), c).largest(), 1e-10) << c;
  }
}

TEST(MpiHeads, AgreeWithTheReferenceOnEveryLayout) {
  const int ranks = mpi_session().world().size();
  for (int heads = 2; heads <= ranks; heads *= 2) {
    for (LayoutCase c : layout_cases()) {
      c.heads = heads;
      EXPECT_LE(ring_errors(mpi_session().world(), c).largest(), 1e-10)
          << c << ", " << heads << " share heads";
    }
  }
}

TEST(MpiShardedAdamW, GivesTheBitsOfOneRank) {
  const auto alone = make_world_of_one();
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    EXPECT_TRUE(at::equal(weights_after(mpi_session().world(), 50'003, dtype, 3),
                          weights_after(*alone, 50'003, dtype, 3)));
  }
}

}  // namespace
}  // namespace ropeway::testing
