// Options that must not change the maths: what is kept and what is recomputed, tile sizes, BF16.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/plan/memory_model.h"

namespace ropeway::testing {
namespace {

EngineResult run_with(const ModelCase& c, const EnginePlan& plan, at::ScalarType dtype, int ranks = 1) {
  EngineRun run;
  run.plan = plan;
  run.dtype = dtype;
  return run_on_threads(c, run, ranks);
}

// Recomputed values come from the same calls on the same tiles: the same bits.
class RecomputeTest : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(RecomputeTest, GivesTheSameBitsAsKeeping) {
  const ModelCase c = make_case({.layers = 3, .sequences = 3, .length = 20});
  const EngineResult kept = run_with(c, {.keep_bytes = int64_t{1} << 40, .tile_tokens = 16}, GetParam());
  const EngineResult recomputed = run_with(c, {.keep_bytes = 0, .tile_tokens = 16}, GetParam());
  EXPECT_EQ(kept.loss, recomputed.loss);
  EXPECT_TRUE(at::equal(kept.flat_gradients, recomputed.flat_gradients));
  EXPECT_GT(kept.activation_bytes, recomputed.activation_bytes);
}

TEST_P(RecomputeTest, GivesTheSameBitsWithHeadNormsAndBiases) {
  const ModelCase c = make_case({.family = "qwen3",
                                 .qkv_bias = true,
                                 .output_bias = true,
                                 .mlp_bias = true,
                                 .qk_norm = true,
                                 .sequences = 3,
                                 .length = 20});
  const EngineResult kept = run_with(c, {.keep_bytes = int64_t{1} << 40, .tile_tokens = 16}, GetParam());
  const EngineResult recomputed = run_with(c, {.keep_bytes = 0, .tile_tokens = 16}, GetParam());
  EXPECT_EQ(kept.loss, recomputed.loss);
  EXPECT_TRUE(at::equal(kept.flat_gradients, recomputed.flat_gradients));
}

TEST_P(RecomputeTest, OfSomeBlocksOnlyGivesTheSameBits) {
  const ModelCase c = make_case({.layers = 3, .sequences = 3, .length = 20});
  const EngineResult none = run_with(c, {.keep_bytes = 0, .tile_tokens = 16}, GetParam());
  const int64_t one_block = tokenwise_bytes(c.config, c.tokens.numel(), c10::elementSize(GetParam()));
  const EngineResult some = run_with(c, {.keep_bytes = one_block, .tile_tokens = 16}, GetParam());
  EXPECT_EQ(some.activation_bytes, none.activation_bytes + one_block);
  EXPECT_TRUE(at::equal(some.flat_gradients, none.flat_gradients));
}

TEST_P(RecomputeTest, OfAttentionGivesTheSameBits) {
  const ModelCase c = make_case({.length = 32});
  for (const int ranks : {1, 4}) {
    const EngineResult saved = run_with(c, {.save_attention = true}, GetParam(), ranks);
    const EngineResult repeated = run_with(c, {.save_attention = false}, GetParam(), ranks);
    EXPECT_EQ(saved.loss, repeated.loss) << ranks;
    EXPECT_TRUE(at::equal(saved.flat_gradients, repeated.flat_gradients)) << ranks;
    EXPECT_GT(saved.activation_bytes, repeated.activation_bytes) << ranks;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, RecomputeTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

// Another tile size sums weight gradients in another order, and may run another kernel of the matrix library:
// equal within rounding, here far inside what F64 sums of 66 tokens can differ by.
TEST(TileTest, SizeChangesOnlyRounding) {
  const ModelCase c = make_case({.sequences = 3, .length = 22});
  const EngineResult whole = run_with(c, {}, at::kDouble);
  for (const int64_t tile : {1, 7, 22, 40}) {
    const EngineResult found = run_with(c, {.tile_tokens = tile, .loss_tile_tokens = tile}, at::kDouble);
    EXPECT_NEAR(found.loss, whole.loss, 1e-14) << tile;
    EXPECT_LE(worst_parameter(c.config, found.flat_gradients, whole.flat_gradients).error, 1e-13) << tile;
  }
}

TEST(TileTest, OfNoTokensIsRefused) {
  const ModelCase c = make_case({});
  EXPECT_THROW(run_with(c, {.tile_tokens = 0}, at::kDouble), Error);
}

// A BF16 value has 8 significant bits: one rounding is off by at most 2^-9 = 0.002 of the value, 0.0011 in
// the mean square. Some forty roundings lie between an embedding and the loss of a two-layer model and back
// (residual stream and its gradient twice a layer, norms, projections, attention, gates and theirs),
// independent of each other: 0.0011 * sqrt(40 * 2) = 0.01 is expected for the gradient, and 0.03 allowed.
TEST(BFloat16Test, IsAsCloseToFloatAsItsRoundingAllows) {
  ModelCase c = make_case({.hidden = 64, .head_dim = 16, .intermediate = 96, .length = 64});
  c.round_weights_to_bfloat16 = true;
  const EngineResult exact = run_with(c, {}, at::kDouble), found = run_with(c, {}, at::kBFloat16);
  EXPECT_LE(relative_error(found.nll, exact.nll), 0.01);
  EXPECT_NEAR(found.loss, exact.loss, 0.003 * exact.loss);
  EXPECT_LE(relative_error(found.flat_gradients, exact.flat_gradients), 0.03);
}

TEST(BFloat16Test, WithHeadNormsAndBiasesIsAsClose) {
  ModelCase c = make_case({.hidden = 64,
                           .head_dim = 16,
                           .intermediate = 96,
                           .family = "qwen3",
                           .qkv_bias = true,
                           .output_bias = true,
                           .mlp_bias = true,
                           .qk_norm = true,
                           .length = 64});
  c.round_weights_to_bfloat16 = true;
  const EngineResult exact = run_with(c, {}, at::kDouble), found = run_with(c, {}, at::kBFloat16);
  EXPECT_LE(relative_error(found.nll, exact.nll), 0.01);
  EXPECT_LE(relative_error(found.flat_gradients, exact.flat_gradients), 0.03);
}

TEST(BFloat16Test, OnFourRanksIsAsCloseAsOnOne) {
  ModelCase c = make_case({.hidden = 64, .head_dim = 16, .intermediate = 96, .length = 64});
  c.round_weights_to_bfloat16 = true;
  const EngineResult exact = run_with(c, {}, at::kDouble);
  const double alone = relative_error(run_with(c, {}, at::kBFloat16).flat_gradients, exact.flat_gradients);
  const double sharded =
      relative_error(run_with(c, {}, at::kBFloat16, 4).flat_gradients, exact.flat_gradients);
  EXPECT_LE(sharded, 1.1 * alone);
}

// What NCCL's abort left in a result must not be taken for one.
TEST(CheckExchange, IsAskedWhenAPassHasItsResults) {
  const ModelCase c = make_case({});
  int asked = 0;
  EngineRun run;
  run.dtype = at::kFloat;
  run.hooks.check_exchange = [&] { ++asked; };
  run_on_threads(c, run, 1);
  EXPECT_EQ(asked, 2);  // forward_backward and evaluate
  const auto lost = [] { fail(ErrorKind::kPeer, "a neighbour is lost"); };
  run.hooks.check_exchange = lost;
  EXPECT_THROW(run_on_threads(c, run, 1), Error);
}

}  // namespace
}  // namespace ropeway::testing
