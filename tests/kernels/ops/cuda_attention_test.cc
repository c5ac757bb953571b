// Which operator attention on CUDA takes.
#include "kernels/ops/cuda_attention.h"

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
        std::pair{shape_of(1, 4096, 128), "single query"}}) {
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
    const AttentionGradients exact_gradients =
        block_attention_backward(wide(d_out), wide(q), wide(k), wide(v), exact.out, exact.lse, causal, scale);
    const AttentionOutput got = block_attention(q.to(gpu), k.to(gpu), v.to(gpu), causal, scale);
    EXPECT_LE(relative_error(got.out.cpu(), exact.out), 1e-2);
    EXPECT_LE(relative_error(got.lse.cpu(), exact.lse), 1e-4);
    const AttentionGradients gradients = block_attention_backward(d_out.to(gpu), q.to(gpu), k.to(gpu),
                                                                  v.to(gpu), got.out, got.lse, causal, scale);
    EXPECT_LE(relative_error(gradients.dq.cpu(), exact_gradients.dq), 2e-2);
    EXPECT_LE(relative_error(gradients.dk.cpu(), exact_gradients.dk), 2e-2);
    EXPECT_LE(relative_error(gradients.dv.cpu(), exact_gradients.dv), 2e-2);
  }
}

}  // namespace
}  // namespace ropeway::ops
