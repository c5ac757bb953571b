#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "kernels/base/error.h"
#include "kernels/base/pass_progress.h"
#include "kernels/ops/accumulation_type.h"
#include "tests/kernels/attention/reference.h"

namespace ropeway {
namespace {

using namespace testing;  // NOLINT: the helpers of this folder

// Of the last call's work, what it told to whoever watches: all of it, tile by tile.
double told_done() { return watch_this_thread()->place().step_done; }

struct Case {
  const char* name;
  int64_t heads, kv_heads, queries, keys;
  bool causal;
  int64_t head_dim = 16;
};
void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

// Sizes below, at and above the tiles of 64 queries and 128 or 256 keys; single rows; grouped and single
// key/value heads; head dims that are and are not whole vectors.
const Case kCases[] = {
    {"CausalSmall", 2, 2, 33, 33, true},
    {"CausalGrouped", 4, 2, 65, 65, true},
    {"CausalOneTile", 2, 1, 64, 64, true, 64},
    {"CausalSeveralTiles", 3, 3, 300, 300, true, 64},
    {"CausalOddHeadDim", 3, 1, 150, 150, true, 20},
    {"FullWide", 4, 2, 17, 40, false},
    {"FullTall", 4, 1, 40, 17, false},
    {"FullWideTiles", 2, 1, 70, 530, false, 32},
    {"FullTallTiles", 2, 1, 200, 129, false, 128},
    {"FullExactTiles", 2, 2, 128, 256, false, 48},
    {"OneQuery", 2, 1, 1, 270, false},
    {"OneKey", 2, 1, 70, 1, false},
    {"OneByOne", 2, 2, 1, 1, true},
    {"HeadDimOne", 2, 2, 9, 9, true, 1},
};

class BlockAttention : public ::testing::TestWithParam<Case> {
 protected:
  AttentionProblem problem(at::ScalarType type) const {
    const Case& c = GetParam();
    return attention_problem(c.heads, c.kv_heads, c.queries, c.keys, type, 1, c.head_dim);
  }
};
INSTANTIATE_TEST_SUITE_P(Shapes, BlockAttention, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(BlockAttention, ForwardEqualsReference) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 1e-6}}) {
    const auto p = problem(type);
    const auto ours = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
    const auto wanted = reference_forward(p, reference_shape(p, GetParam().causal));
    EXPECT_EQ(ours.out.scalar_type(), type);
    EXPECT_EQ(ours.lse.scalar_type(), type);
    EXPECT_LE(relative_error(ours.out, wanted.out), tolerance);
    EXPECT_LE(relative_error(ours.lse, wanted.lse), tolerance);
    EXPECT_EQ(told_done(), 1);
  }
}

TEST_P(BlockAttention, BackwardEqualsReference) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-13}, std::pair{at::kFloat, 3e-6}}) {
    const auto p = problem(type);
    const auto forward = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
    const auto ours = ops::block_attention_backward(
        {p.d_out, p.q, p.k, p.v, forward.out, forward.lse, GetParam().causal, p.scale});
    expect_gradients(ours, reference_backward(p, reference_shape(p, GetParam().causal)), tolerance);
    EXPECT_EQ(told_done(), 1);
  }
}

// A band, below, at and beyond the tiles of 64 queries and 128 or 256 keys; one with rows that see nothing.
struct Band {
  int64_t queries, keys, offset, window;
};
constexpr Band kBands[] = {{33, 33, 0, 5},       {300, 300, 0, 64},   {300, 300, 0, 65},
                           {200, 300, 150, 170}, {64, 128, 128, 129}, {300, 300, 290, 300},
                           {130, 257, 40, 300},  {70, 70, 60, 20}};
std::vector<uint8_t> mask_of(const Band& band) {
  std::vector<uint8_t> mask;
  for (int64_t i = 0; i < band.queries; ++i) {
    for (int64_t j = 0; j < band.keys; ++j) {
      const int64_t distance = band.offset + i - j;
      mask.push_back(0 <= distance && distance < band.window);
    }
  }
  return mask;
}

TEST(BlockAttentionLimits, BandsAndSoftCapsEqualTheReference) {
  for (const Band& band : kBands) {
    for (const double cap : {0.0, 0.8}) {
      SCOPED_TRACE(fmt::format("{} x {}, offset {}, window {}, cap {}", band.queries, band.keys, band.offset,
                               band.window, cap));
      const auto p = attention_problem(4, 2, band.queries, band.keys, at::kDouble, 1, 20);
      const std::vector<uint8_t> mask = mask_of(band);
      AttentionReferenceShape shape = reference_shape(p, false);
      shape.allowed = mask.data();
      shape.softcap = cap;
      const ops::AttentionLimits limits{band.offset, band.window, cap};
      const auto ours = ops::block_attention(p.q, p.k, p.v, false, p.scale, limits);
      const auto wanted = reference_forward(p, shape);
      EXPECT_EQ(told_done(), 1);
      EXPECT_LE(relative_error(ours.out, wanted.out), 1e-13);
      const at::Tensor seeing = wanted.lse.isfinite();
      EXPECT_TRUE(ours.lse.isfinite().eq(seeing).all().item<bool>());
      EXPECT_LE(relative_error(ours.lse.masked_select(seeing), wanted.lse.masked_select(seeing)), 1e-13);
      const auto gradients =
          ops::block_attention_backward({p.d_out, p.q, p.k, p.v, ours.out, ours.lse, false, p.scale, limits});
      expect_gradients(gradients, reference_backward(p, shape), 1e-12);
      EXPECT_EQ(told_done(), 1);
    }
  }
}

TEST(BlockAttentionLimits, ACapUnderTheCausalMask) {
  const auto p = attention_problem(4, 1, 150, 150, at::kDouble, 1, 16);
  AttentionReferenceShape shape = reference_shape(p, true);
  shape.softcap = 0.5;
  const ops::AttentionLimits limits{.softcap = 0.5};
  const auto ours = ops::block_attention(p.q, p.k, p.v, true, p.scale, limits);
  EXPECT_LE(relative_error(ours.out, reference_forward(p, shape).out), 1e-13);
  expect_gradients(
      ops::block_attention_backward({p.d_out, p.q, p.k, p.v, ours.out, ours.lse, true, p.scale, limits}),
      reference_backward(p, shape), 1e-12);
}

TEST_P(BlockAttention, ForwardInBF16RoundsOnce) {
  const auto p = problem(at::kBFloat16);
  const auto shape = reference_shape(p, GetParam().causal);
  auto absolute = p;
  absolute.v = p.v.abs();
  const auto ours = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
  const at::Tensor exact = reference_forward(p, shape).out,
                   magnitude = reference_forward(absolute, shape).out;
  expect_rounded_once(ours.out, exact, magnitude * (64 * 0x1p-24));
}

TEST_P(BlockAttention, BackwardOfBF16IsComputedInF32) {
  const auto p = problem(at::kBFloat16);
  const auto forward = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
  const auto narrow = ops::block_attention_backward(
      {p.d_out, p.q, p.k, p.v, forward.out, forward.lse, GetParam().causal, p.scale});
  const auto wide = ops::block_attention_backward(
      {p.d_out.to(at::kFloat), p.q.to(at::kFloat), p.k.to(at::kFloat), p.v.to(at::kFloat),
       forward.out.to(at::kFloat), forward.lse, GetParam().causal, p.scale});
  EXPECT_EQ(narrow.dq.scalar_type(), at::kFloat);
  // bfloat16 arithmetic would be off by 1e-3; only the order of additions differs.
  expect_gradients(narrow, wide, 3e-6);
}

// What is merged in F32 serves the backward pass in F32, although the inputs are bfloat16.
TEST_P(BlockAttention, BackwardUsesAWideResultInFull) {
  const auto p = problem(at::kBFloat16);
  const auto shape = reference_shape(p, GetParam().causal);
  const auto merged = reference_forward(p, shape);
  const auto ours = ops::block_attention_backward({p.d_out, p.q, p.k, p.v, merged.out.to(at::kFloat),
                                                   merged.lse.to(at::kFloat), GetParam().causal, p.scale});
  expect_gradients(ours, reference_backward(p, shape), 3e-6);
}

// Another implementation altogether: libtorch's operator, on the model's own layout.
TEST(BlockAttentionPeer, EqualsTorchInF32) {
  const auto p = attention_problem(6, 2, 333, 333, at::kFloat, 5, 64);
  const auto ours = ops::block_attention(p.q, p.k, p.v, true, 0.125);
  const auto [out, lse] =
      at::_scaled_dot_product_flash_attention_for_cpu(p.q, p.k, p.v, 0.0, true, std::nullopt, 0.125);
  EXPECT_LE(relative_error(ours.out, out), 1e-6);
  EXPECT_LE(relative_error(ours.lse, lse), 1e-6);
  const auto gradients =
      ops::block_attention_backward({p.d_out, p.q, p.k, p.v, ours.out, ours.lse, true, 0.125});
  const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      p.d_out, p.q, p.k, p.v, out, lse, 0.0, true, std::nullopt, 0.125);
  EXPECT_LE(relative_error(gradients.dq, dq), 3e-6);
  EXPECT_LE(relative_error(gradients.dk, dk), 3e-6);
  EXPECT_LE(relative_error(gradients.dv, dv), 3e-6);
}

// --- Causal attention over blocks: full blocks below the diagonal, causal ones on it

constexpr int64_t kBlock = 40, kBlocks = 4;

at::Tensor block_of(const at::Tensor& x, int64_t index) { return x.narrow(2, index * kBlock, kBlock); }

ops::AttentionOutput blockwise_forward(const AttentionProblem& p) {
  const at::ScalarType acc = ops::accumulation_type(p.q.scalar_type());
  ops::AttentionOutput total{at::zeros(p.q.sizes(), acc), at::full(p.q.sizes().slice(0, 3), -INFINITY, acc)};
  for (int64_t i = 0; i < kBlocks; ++i) {
    for (int64_t j = i; j >= 0; --j) {
      const auto part =
          ops::block_attention(block_of(p.q, i), block_of(p.k, j), block_of(p.v, j), i == j, p.scale);
      ops::merge_attention_(block_of(total.out, i), block_of(total.lse, i), part.out, part.lse);
    }
  }
  return total;
}

ops::AttentionGradients blockwise_backward(const AttentionProblem& p, const ops::AttentionOutput& merged) {
  const at::ScalarType acc = merged.out.scalar_type();
  ops::AttentionGradients total{at::zeros(p.q.sizes(), acc), at::zeros(p.k.sizes(), acc),
                                at::zeros(p.v.sizes(), acc)};
  for (int64_t i = 0; i < kBlocks; ++i) {
    for (int64_t j = i; j >= 0; --j) {
      const auto part = ops::block_attention_backward(
          {block_of(p.d_out, i), block_of(p.q, i), block_of(p.k, j), block_of(p.v, j),
           block_of(merged.out, i), block_of(merged.lse, i), i == j, p.scale});
      block_of(total.dq, i).add_(part.dq);
      block_of(total.dk, j).add_(part.dk);
      block_of(total.dv, j).add_(part.dv);
    }
  }
  return total;
}

AttentionProblem long_problem(at::ScalarType type) {
  return attention_problem(4, 2, kBlock * kBlocks, kBlock * kBlocks, type);
}

TEST(BlockwiseAttention, MergedForwardEqualsFullAttentionInF64) {
  const auto p = long_problem(at::kDouble);
  const auto merged = blockwise_forward(p), full = reference_forward(p, reference_shape(p, true));
  EXPECT_LE(max_difference(merged.out, full.out), 1e-12);
  EXPECT_LE(max_difference(merged.lse, full.lse), 1e-12);
}

TEST(BlockwiseAttention, BackwardWithMergedRowsEqualsFullAttentionInF64) {
  const auto p = long_problem(at::kDouble);
  const auto ours = blockwise_backward(p, blockwise_forward(p));
  const auto full = reference_backward(p, reference_shape(p, true));
  EXPECT_LE(max_difference(ours.dq, full.dq), 1e-12);
  EXPECT_LE(max_difference(ours.dk, full.dk), 1e-12);
  EXPECT_LE(max_difference(ours.dv, full.dv), 1e-12);
}

double merged_error_over_plain_error(int64_t seeds) {
  double merged_error = 0, plain_error = 0;
  for (int64_t seed = 1; seed <= seeds; ++seed) {
    const auto p = attention_problem(4, 2, kBlock * kBlocks, kBlock * kBlocks, at::kFloat, seed);
    const at::Tensor exact = reference_forward(p, reference_shape(p, true)).out;
    const at::Tensor plain = ops::block_attention(p.q, p.k, p.v, true, p.scale).out;
    merged_error += (in_double(blockwise_forward(p).out) - exact).square().sum().item<double>();
    plain_error += (in_double(plain) - exact).square().sum().item<double>();
  }
  return std::sqrt(merged_error / plain_error);
}

TEST(BlockwiseAttention, MergeAddsAtMostATenthToThePlainErrorInF32) {
  EXPECT_LE(merged_error_over_plain_error(8), 1.1);
}

TEST(BlockwiseAttention, BackwardInF32) {
  const auto p = long_problem(at::kFloat);
  const auto ours = blockwise_backward(p, blockwise_forward(p));
  const auto full = reference_backward(p, reference_shape(p, true));
  EXPECT_LE(relative_error(ours.dq, full.dq), 2e-6);
  EXPECT_LE(relative_error(ours.dk, full.dk), 2e-6);
  EXPECT_LE(relative_error(ours.dv, full.dv), 2e-6);
}

// Scores in the hundreds: every exponential but the largest of its row vanishes, none may overflow.
TEST(BlockwiseAttention, LargeScoresStayFiniteAndExact) {
  auto p = long_problem(at::kFloat);
  p.scale = 60.0;
  const auto merged = blockwise_forward(p);
  const auto full = reference_forward(p, reference_shape(p, true));
  EXPECT_LE(relative_error(merged.out, full.out), 1e-4);
  EXPECT_TRUE(blockwise_backward(p, merged).dq.isfinite().all().item<bool>());
}

TEST(BlockAttentionEdge, NoKeysGiveWeightZero) {
  const auto p = attention_problem(2, 2, 3, 4, at::kFloat);
  const at::Tensor none = p.k.narrow(2, 0, 0);
  const auto empty = ops::block_attention(p.q, none, none, false, p.scale);
  EXPECT_EQ(empty.out.abs().sum().item<double>(), 0.0);
  EXPECT_TRUE(empty.lse.eq(-INFINITY).all().item<bool>());
  const auto gradients =
      ops::block_attention_backward({p.d_out, p.q, none, none, empty.out, empty.lse, false, p.scale});
  EXPECT_EQ(gradients.dq.abs().sum().item<double>(), 0.0);
  EXPECT_EQ(gradients.dk.numel(), 0);
}

// Rows that a merge left empty: no gradient in, none out, and no NaN from exp(s - (-inf)).
TEST(BlockAttentionEdge, RowsWithoutKeysGiveNoGradient) {
  const auto p = attention_problem(2, 2, 3, 4, at::kFloat);
  const at::Tensor lse = at::full({2, 2, 3}, -INFINITY, at::kFloat);
  const auto gradients =
      ops::block_attention_backward({p.d_out, p.q, p.k, p.v, at::zeros_like(p.q), lse, false, p.scale});
  EXPECT_EQ(gradients.dq.abs().max().item<double>(), 0.0);
  EXPECT_EQ(gradients.dk.abs().max().item<double>(), 0.0);
  EXPECT_EQ(gradients.dv.abs().max().item<double>(), 0.0);
}

// A NaN in one query shows in its own row, forward and backward, and in no other.
TEST(BlockAttentionEdge, NaNStaysInItsRow) {
  const auto p = attention_problem(1, 1, 70, 70, at::kFloat);
  p.q[0][0][5].fill_(NAN);
  const auto forward = ops::block_attention(p.q, p.k, p.v, true, p.scale);
  const at::Tensor bad = forward.out.isnan().any(3)[0][0];
  EXPECT_TRUE(bad[5].item<bool>());
  EXPECT_EQ(bad.sum().item<int64_t>(), 1);
  EXPECT_TRUE(std::isnan(forward.lse[0][0][5].item<float>()));
}

TEST(BlockAttentionEdge, CausalOnARectangleIsRefused) {
  const auto p = attention_problem(2, 2, 3, 4, at::kFloat);
  EXPECT_THROW(ops::block_attention(p.q, p.k, p.v, true, p.scale), Error);
}

TEST(BlockAttentionEdge, HeadsThatDoNotGroupAreRefused) {
  const auto p = attention_problem(3, 2, 4, 4, at::kFloat);
  EXPECT_THROW(ops::block_attention(p.q, p.k, p.v, true, p.scale), Error);
}

}  // namespace
}  // namespace ropeway
