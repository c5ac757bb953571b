// What the start-up check of attention expects of a GPU and says about it.
#include "kernels/ops/attention_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/ops/cuda_backend.h"
#include "parallel/device/devices.h"

namespace ropeway::ops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

BlockAttentionShape shape_of(int64_t tokens, int64_t head_dim = 128) {
  return {.batch = 1, .heads = 64, .kv_heads = 8, .queries = tokens, .keys = tokens, .head_dim = head_dim};
}

TEST(AttentionCheck, CountsTheLowerTriangle) {
  // Half of 4 * N * N * D a head.
  EXPECT_DOUBLE_EQ(causal_attention_flops(shape_of(1000)), 64 * 128 * 2 * 1e6);
}

const AttentionRates kExpected{688e12, 581e12};  // an H200

TEST(AttentionCheck, SaysThatAGPUIsUnknown) {
  const AttentionCheck check{"NVIDIA L4", shape_of(4096), {}, {50e12, 40e12}, std::nullopt};
  EXPECT_EQ(why_slow(check), "");
  EXPECT_THAT(describe(check),
              AllOf(HasSubstr("cuDNN on NVIDIA L4"), HasSubstr("forward 50 TF/s, backward 40 TF/s"),
                    HasSubstr("not known here")));
}

TEST(AttentionCheck, SaysWhichShareIsReached) {
  const AttentionCheck check{"NVIDIA H200", shape_of(32768), {}, {0.99 * 688e12, 0.97 * 581e12}, kExpected};
  EXPECT_EQ(describe(check),
            "attention: cuDNN on NVIDIA H200, 32768 tokens, 64 query and 8 key heads of 128: forward 681 "
            "TF/s (99 % of "
            "688), backward 564 TF/s (97 % of 581)");
  EXPECT_EQ(why_slow(check), "");
}

TEST(AttentionCheck, WarnsWhereEitherDirectionIsSlow) {
  const AttentionRates slow_forward{300e12, 581e12}, slow_backward{688e12, 300e12};
  for (const AttentionRates& found : {slow_forward, slow_backward}) {
    EXPECT_THAT(why_slow({"NVIDIA H200", shape_of(32768), {}, found, kExpected}),
                AllOf(HasSubstr("% of what NVIDIA H200 is known to reach"), HasSubstr("LD_LIBRARY_PATH")));
  }
}

// The rates of FlashAttention 2 on an H100.
TEST(AttentionCheck, WarnsOfTheFallback) {
  const AttentionCheck check{"NVIDIA H200",
                             shape_of(32768),
                             {CudaAttention::kFlash2, "its version is 0"},
                             {366e12, 330e12},
                             kExpected};
  EXPECT_THAT(describe(check), HasSubstr("FlashAttention 2 on"));
  EXPECT_THAT(why_slow(check), AllOf(HasSubstr("53 %"), HasSubstr("because its version is 0"),
                                     Not(HasSubstr("LD_LIBRARY_PATH"))));
}

TEST(AttentionCheckOnGpu, RunsAndFindsARate) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  const DeviceInfo gpu = visible_devices().front();
  BlockAttentionShape shape = shape_of(8192);
  shape.scale = 1 / std::sqrt(128.0);
  const AttentionCheck check =
      attention_self_check(use_cuda_device(gpu.index), gpu.name, shape, std::nullopt);
  EXPECT_GT(check.found.forward, 1e12);
  EXPECT_GT(check.found.backward, 1e12);
}

}  // namespace
}  // namespace ropeway::ops
