#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/attention_ops.h"
#include "tests/kernels/attention/reference.h"

namespace ropeway {
namespace {

using namespace testing;  // NOLINT: the helpers of this folder

// One row of two elements in each of the two results.
struct Row {
  at::Tensor out, lse;
};
Row row(double value, double lse, at::ScalarType type = at::kFloat) {
  return {at::full({1, 1, 1, 2}, value, type), at::full({1, 1, 1}, lse, ops::accumulation_type(type))};
}

void expect_row(const Row& got, double value, double lse) {
  EXPECT_EQ(got.out[0][0][0][0].item<double>(), value);
  EXPECT_EQ(got.out[0][0][0][1].item<double>(), value);
  EXPECT_EQ(got.lse[0][0][0].item<double>(), lse);
}

// exp(lse) themselves overflow float from 88.7 on, and their difference from 104 on vanishes.
TEST(MergeAttention, DistantLogSumExpsNeitherOverflowNorVanish) {
  for (const double lse : {500.0, -500.0}) {
    for (const double difference : {95.0, 300.0}) {
      Row large = row(2.0, lse);
      const Row small = row(3.0, lse - difference);
      ops::merge_attention_(large.out, large.lse, small.out, small.lse);
      expect_row(large, 2.0, lse);
      Row acc = row(3.0, lse - difference);
      const Row block = row(2.0, lse);
      ops::merge_attention_(acc.out, acc.lse, block.out, block.lse);
      expect_row(acc, 2.0, lse);
    }
  }
}

TEST(MergeAttention, EqualShares) {
  Row acc = row(1.0, 100.0, at::kDouble);
  const Row block = row(3.0, 100.0, at::kDouble);
  ops::merge_attention_(acc.out, acc.lse, block.out, block.lse);
  expect_row(acc, 2.0, 100.0 + std::log(2.0));
}

// What an empty side holds must not matter, not even NaN.
TEST(MergeAttention, EmptyBlockChangesNothing) {
  Row acc = row(1.5, 7.0);
  const Row block = row(NAN, -INFINITY);
  ops::merge_attention_(acc.out, acc.lse, block.out, block.lse);
  expect_row(acc, 1.5, 7.0);
}

TEST(MergeAttention, EmptyRunningResultTakesTheBlock) {
  Row acc = row(NAN, -INFINITY);
  const Row block = row(1.5, 7.0);
  ops::merge_attention_(acc.out, acc.lse, block.out, block.lse);
  expect_row(acc, 1.5, 7.0);
}

TEST(MergeAttention, BothEmptyStayEmpty) {
  Row acc = row(0.0, -INFINITY);
  const Row block = row(0.0, -INFINITY);
  ops::merge_attention_(acc.out, acc.lse, block.out, block.lse);
  expect_row(acc, 0.0, -INFINITY);
}

TEST(MergeAttention, NaNInALogSumExpIsNotHidden) {
  for (const bool in_block : {true, false}) {
    Row acc = row(1.0, in_block ? 1.0 : NAN);
    const Row block = row(1.0, in_block ? NAN : 1.0);
    ops::merge_attention_(acc.out, acc.lse, block.out, block.lse);
    EXPECT_TRUE(std::isnan(acc.lse[0][0][0].item<double>()));
    EXPECT_TRUE(std::isnan(acc.out[0][0][0][0].item<double>()));
  }
}

// Blocks of keys of unequal size, merged one after another, against all keys at once.
void expect_blocks_merge_to_full(at::ScalarType block_type, double tolerance) {
  const auto p = attention_problem(4, 2, 6, 11, at::kDouble);
  const auto full = reference_forward(p, reference_shape(p, false));
  const at::ScalarType acc = ops::accumulation_type(block_type);
  const at::Tensor out = at::zeros(full.out.sizes(), acc), lse = at::full(full.lse.sizes(), -INFINITY, acc);
  for (const auto& [begin, count] : {std::pair{0, 5}, std::pair{5, 1}, std::pair{6, 5}}) {
    auto part = p;
    part.k = p.k.narrow(2, begin, count);
    part.v = p.v.narrow(2, begin, count);
    const auto block = reference_forward(part, reference_shape(part, false));
    ops::merge_attention_(out, lse, block.out.to(block_type), block.lse.to(acc));
  }
  EXPECT_LE(max_difference(out, full.out), tolerance);
  EXPECT_LE(max_difference(lse, full.lse), acc == at::kDouble ? 1e-14 : 1e-6);
}

TEST(MergeAttention, BlocksMergeToFullAttentionInF64) { expect_blocks_merge_to_full(at::kDouble, 1e-14); }
TEST(MergeAttention, BlocksMergeToFullAttentionInF32) { expect_blocks_merge_to_full(at::kFloat, 1e-6); }

// Each block's output is rounded once to bfloat16, and the merge is a convex combination of them: the error
// is at most one roundoff of the largest.
TEST(MergeAttention, BF16BlocksAreMergedInF32) {
  const auto p = attention_problem(4, 2, 6, 11, at::kDouble);
  expect_blocks_merge_to_full(at::kBFloat16, kBF16Roundoff * p.v.abs().max().item<double>() + 1e-6);
}

TEST(MergeAttention, AnyStridesWithContiguousHeadDim) {
  const at::Tensor out_a = random_tensor({2, 3, 5, 8}, at::kFloat, 1),
                   lse_a = random_tensor({2, 3, 5}, at::kFloat, 2);
  const at::Tensor out_b = random_tensor({2, 3, 5, 8}, at::kFloat, 3),
                   lse_b = random_tensor({2, 3, 5}, at::kFloat, 4);
  const auto token_major = [](const at::Tensor& x) { return x.transpose(1, 2).contiguous().transpose(1, 2); };
  const at::Tensor out_t = token_major(out_a), lse_t = token_major(lse_a);
  ops::merge_attention_(out_t, lse_t, token_major(out_b), token_major(lse_b));
  ops::merge_attention_(out_a, lse_a, out_b, lse_b);
  EXPECT_EQ(max_difference(out_a, out_t), 0.0);
  EXPECT_EQ(max_difference(lse_a, lse_t), 0.0);
}

}  // namespace
}  // namespace ropeway
