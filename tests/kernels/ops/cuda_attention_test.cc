// Which operator attention on CUDA takes, in how many calls, and on a GPU what it gives.
#include "kernels/ops/cuda_attention.h"

#include "kernels/attention/head_groups.h"
#include "kernels/base/error.h"
#include "kernels/ops/cuda_backend.h"
#include "tests/kernels/tensors.h"

namespace ropeway::ops {
namespace {

using testing::random_tensor;
using testing::relative_error;

constexpr int64_t kVersion = 91900;

BlockAttentionShape shape_of(int64_t queries, int64_t keys, int64_t head_dim) {
  return {.batch = 1, .heads = 8, .kv_heads = 2, .queries = queries, .keys = keys, .head_dim = head_dim};
}

TEST(CudaAttentionChoice, CudnnServesTheUsualShapes) {
  for (const int64_t head_dim : {64, 96, 128}) {
    const auto choice = choose_cuda_attention(shape_of(4096, 4096, head_dim), at::kBFloat16, kVersion);
    EXPECT_EQ(choice.backend, CudaAttention::kCudnn);
    EXPECT_EQ(choice.why_not_cudnn, "");
  }
}

TEST(CudaAttentionChoice, OthersFallBackWithAReason) {
  for (const auto& [shape, word] :
       {std::pair{shape_of(4096, 4096, 256), "head_dim 256"}, std::pair{shape_of(4096, 1, 128), "single key"},
        std::pair{shape_of(1, 4096, 128), "single query"},
        std::pair{shape_of(77, 77, 128), "multiples of 128"},
        std::pair{shape_of(4096, 192, 64), "multiples of 128"}}) {
    const auto choice = choose_cuda_attention(shape, at::kBFloat16, kVersion);
    EXPECT_EQ(choice.backend, CudaAttention::kFlash2);
    EXPECT_NE(choice.why_not_cudnn.find(word), std::string::npos) << choice.why_not_cudnn;
  }
  EXPECT_EQ(choose_cuda_attention(shape_of(64, 64, 64), at::kBFloat16, 80900).backend,
            CudaAttention::kFlash2);
}

TEST(CudaAttentionChoice, WhatNeitherTakesIsAnErrorOfTheRecipe) {
  for (const auto& [shape, type] :
       {std::pair{shape_of(64, 64, 64), at::kFloat}, std::pair{shape_of(64, 64, 60), at::kBFloat16},
        std::pair{shape_of(64, 64, 320), at::kBFloat16}}) {
    try {
      choose_cuda_attention(shape, type, kVersion);
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kConfig) << error.what();
    }
  }
}

// Heads are independent: whatever the groups, each head's gradient is the very same numbers.
TEST(CudaAttentionGroups, GiveTheGradientsOfOneCall) {
  const BlockAttentionShape shape{.batch = 2,
                                  .heads = 12,
                                  .kv_heads = 4,
                                  .queries = 9,
                                  .keys = 9,
                                  .head_dim = 8,
                                  .scale = 0.35,
                                  .causal = true};
  const auto random = [&](int64_t heads, uint64_t seed) {
    return random_tensor({2, 9, heads, 8}, at::kDouble, seed).transpose(1, 2);
  };
  const at::Tensor q = random(12, 1), k = random(4, 2), v = random(4, 3), d_out = random(12, 4);
  const AttentionOutput output = block_attention(q, k, v, true, shape.scale);
  const AttentionBackward on_cpu = [](const auto& d, const auto& queries, const auto& keys,
                                      const auto& values, const auto& out, const auto& lse,
                                      const BlockAttentionShape& part) {
    EXPECT_EQ(queries.size(1), part.heads);
    EXPECT_EQ(keys.size(1), part.kv_heads);
    return block_attention_backward({d, queries, keys, values, out, lse, part.causal, part.scale});
  };
  const AttentionGradients whole = on_cpu(d_out, q, k, v, output.out, output.lse, shape);
  for (const int64_t groups : {1, 2, 4}) {
    const AttentionGradients parts =
        backward_in_head_groups(groups, on_cpu, d_out, q, k, v, output.out, output.lse, shape);
    EXPECT_TRUE(parts.dq.equal(whole.dq)) << groups;
    EXPECT_TRUE(parts.dk.equal(whole.dk)) << groups;
    EXPECT_TRUE(parts.dv.equal(whole.dv)) << groups;
    EXPECT_TRUE(parts.dq.transpose(1, 2).is_contiguous());
  }
}

TEST(CudaAttentionGroups, AreAsManyAsTheWorkspaceAsksFor) {
  // 64 query heads of 128 over 8 of keys: 4 * 64 * 128 for dq and as much for dk, dv of every
  // head, 64 KiB per token.
  const auto groups = [](int64_t tokens) {
    return backward_head_groups(
        {.batch = 1, .heads = 64, .kv_heads = 8, .queries = tokens, .keys = tokens, .head_dim = 128});
  };
  EXPECT_EQ(groups(8192), 1);
  EXPECT_EQ(groups(8193), 2);
  EXPECT_EQ(groups(32768), 4);
  EXPECT_EQ(groups(1 << 20), 8);  // a group has at least one key head
  // Three heads of keys have no halves; without grouped queries dk, dv are written as they are.
  const BlockAttentionShape three{
      .batch = 1, .heads = 3, .kv_heads = 3, .queries = 1 << 20, .keys = 1 << 20, .head_dim = 128};
  EXPECT_EQ(attention_workspace_bytes(three), int64_t{3 * 128 * 4} << 20);
  EXPECT_EQ(backward_head_groups(three), 3);
}

class CudaAttentionOnGpu : public ::testing::TestWithParam<int64_t> {  // head_dim: cuDNN, then FA2
 protected:
  void SetUp() override {
    if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  }
};
INSTANTIATE_TEST_SUITE_P(HeadDims, CudaAttentionOnGpu, ::testing::Values(64, 128, 192));

// Against the CPU's kernel in F64 on the same rounded inputs, with grouped heads, causal and full blocks.
TEST_P(CudaAttentionOnGpu, ForwardAndBackwardAsTheCPU) {
  const at::Device gpu(at::kCUDA, 0);
  const int64_t dim = GetParam();
  const auto random = [&](int64_t heads, int64_t tokens, uint64_t seed) {
    return random_tensor({1, tokens, heads, dim}, at::kBFloat16, seed).transpose(1, 2);
  };
  for (const auto& [keys, causal] :
       {std::pair<int64_t, bool>{256, true}, std::pair<int64_t, bool>{384, false}}) {
    const at::Tensor q = random(8, 256, 1), k = random(2, keys, 2), v = random(2, keys, 3),
                     d_out = random(8, 256, 4);
    const double scale = 1 / std::sqrt(static_cast<double>(dim));
    const auto wide = [](const at::Tensor& x) { return x.to(at::kDouble); };
    const AttentionOutput exact = block_attention(wide(q), wide(k), wide(v), causal, scale);
    const AttentionGradients exact_gradients = block_attention_backward(
        {wide(d_out), wide(q), wide(k), wide(v), exact.out, exact.lse, causal, scale});
    const AttentionOutput got = block_attention(q.to(gpu), k.to(gpu), v.to(gpu), causal, scale);
    EXPECT_LE(relative_error(got.out.cpu(), exact.out), 1e-2);
    EXPECT_LE(relative_error(got.lse.cpu(), exact.lse), 1e-4);
    const AttentionGradients gradients = block_attention_backward(
        {d_out.to(gpu), q.to(gpu), k.to(gpu), v.to(gpu), got.out, got.lse, causal, scale});
    EXPECT_LE(relative_error(gradients.dq.cpu(), exact_gradients.dq), 2e-2);
    EXPECT_LE(relative_error(gradients.dk.cpu(), exact_gradients.dk), 2e-2);
    EXPECT_LE(relative_error(gradients.dv.cpu(), exact_gradients.dv), 2e-2);
  }
}

// As one call, where the block is long enough for groups: 8 query heads over 2, 128K tokens.
TEST(CudaAttentionGroups, OnAGpuTheyGiveTheGradientsOfOneCall) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  constexpr int64_t kTokens = 1 << 17;
  const auto random = [](int64_t heads) {
    const auto options = at::TensorOptions(at::kBFloat16).device(at::kCUDA);
    at::Tensor x = at::empty({1, kTokens, heads, 128}, options);
    return x.normal_().transpose(1, 2);
  };
  const at::Tensor q = random(8), k = random(2), v = random(2), d_out = random(8);
  const AttentionOutput output = block_attention(q, k, v, false, 0.088);
  const AttentionGradients all =
      block_attention_backward({d_out, q, k, v, output.out, output.lse, false, 0.088});
  for (const int64_t head : {0, 1}) {
    const auto of = [head](const at::Tensor& x, int64_t heads) { return x.narrow(1, head * heads, heads); };
    const AttentionGradients one = block_attention_backward(
        {of(d_out, 4), of(q, 4), of(k, 1), of(v, 1), of(output.out, 4), of(output.lse, 4), false, 0.088});
    EXPECT_LE(relative_error(of(all.dq, 4).cpu(), one.dq.cpu()), 2e-2);
    EXPECT_LE(relative_error(of(all.dk, 1).cpu(), one.dk.cpu()), 2e-2);
    EXPECT_LE(relative_error(of(all.dv, 1).cpu(), one.dv.cpu()), 2e-2);
  }
}

}  // namespace
}  // namespace ropeway::ops
