#include <ATen/ops/abs.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "kernels/base/error.h"
#include "tests/kernels/attention/reference.h"

namespace ropeway {
namespace {

using namespace testing;  // NOLINT: the helpers of this folder

struct Case {
  const char* name;
  int64_t heads, kv_heads, queries, keys;
  bool causal;
};
// Sizes below, at and above the operator's own tiles; decode-like single rows; grouped and single key/value
// heads.
const Case kCases[] = {
    {"CausalSmall", 2, 2, 33, 33, true},   {"CausalGrouped", 4, 2, 65, 65, true},
    {"CausalLarge", 3, 3, 700, 700, true}, {"CausalLargeGrouped", 3, 1, 530, 530, true},
    {"FullWide", 4, 2, 17, 40, false},     {"FullTall", 4, 1, 40, 17, false},
    {"FullLarge", 2, 1, 600, 1100, false}, {"OneQuery", 2, 1, 1, 70, false},
    {"OneKey", 2, 1, 70, 1, false},        {"OneByOne", 2, 2, 1, 1, true},
};

class BlockAttention : public ::testing::TestWithParam<Case> {
 protected:
  AttentionProblem problem(at::ScalarType type) const {
    const Case& c = GetParam();
    return attention_problem(c.heads, c.kv_heads, c.queries, c.keys, type);
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
  }
}

TEST_P(BlockAttention, BackwardEqualsReference) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-13}, std::pair{at::kFloat, 3e-6}}) {
    const auto p = problem(type);
    const auto forward = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
    const auto ours = ops::block_attention_backward(p.d_out, p.q, p.k, p.v, forward.out, forward.lse,
                                                    GetParam().causal, p.scale);
    const auto wanted = reference_backward(p, reference_shape(p, GetParam().causal));
    // With a single key the softmax is constant and dq, dk vanish: errors are relative to dv's size there.
    const double size = wanted.dv.norm().item<double>();
    EXPECT_LE((in_double(ours.dq) - wanted.dq).norm().item<double>(), tolerance * size);
    EXPECT_LE((in_double(ours.dk) - wanted.dk).norm().item<double>(), tolerance * size);
    EXPECT_LE((in_double(ours.dv) - wanted.dv).norm().item<double>(), tolerance * size);
  }
}

// The weights p are rounded to bfloat16 before they meet v, the output once more: a roundoff of sum(p |v|)
// and one of the output itself.
TEST_P(BlockAttention, ForwardInBF16WithinTwoRoundings) {
  const auto p = problem(at::kBFloat16);
  const auto shape = reference_shape(p, GetParam().causal);
  auto absolute = p;
  absolute.v = p.v.abs();
  const auto ours = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
  const at::Tensor exact = reference_forward(p, shape).out,
                   magnitude = reference_forward(absolute, shape).out;
  const at::Tensor excess =
      (in_double(ours.out) - exact).abs() - (magnitude + exact.abs()) * (kBF16Roundoff * 1.01);
  EXPECT_LE(excess.max().item<double>(), 0.0);
}

TEST_P(BlockAttention, BackwardOfBF16IsComputedInF32) {
  const auto p = problem(at::kBFloat16);
  const auto forward = ops::block_attention(p.q, p.k, p.v, GetParam().causal, p.scale);
  const auto narrow = ops::block_attention_backward(p.d_out, p.q, p.k, p.v, forward.out, forward.lse,
                                                    GetParam().causal, p.scale);
  const auto wide = ops::block_attention_backward(
      p.d_out.to(at::kFloat), p.q.to(at::kFloat), p.k.to(at::kFloat), p.v.to(at::kFloat),
      forward.out.to(at::kFloat), forward.lse, GetParam().causal, p.scale);
  EXPECT_EQ(narrow.dq.scalar_type(), at::kFloat);
  EXPECT_EQ(max_difference(narrow.dq, wide.dq), 0.0);
  EXPECT_EQ(max_difference(narrow.dk, wide.dk), 0.0);
  EXPECT_EQ(max_difference(narrow.dv, wide.dv), 0.0);
}

// --- Causal attention over blocks: full blocks below the diagonal, causal ones on it
// ------------------------------

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
          block_of(p.d_out, i), block_of(p.q, i), block_of(p.k, j), block_of(p.v, j), block_of(merged.out, i),
          block_of(merged.lse, i), i == j, p.scale);
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
      ops::block_attention_backward(p.d_out, p.q, none, none, empty.out, empty.lse, false, p.scale);
  EXPECT_EQ(gradients.dq.abs().sum().item<double>(), 0.0);
  EXPECT_EQ(gradients.dk.numel(), 0);
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
