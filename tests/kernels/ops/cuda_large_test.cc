// Arrays of more than 2^31 elements on a GPU, BF16 as training has them; skipped where the card has too
// little memory. large_arrays_test.cc runs the same kernels' indices on the CPU.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/ops/attention_ops.h"
#include "kernels/ops/device_memory.h"
#include "kernels/ops/mlp_ops.h"
#include "kernels/ops/norm_ops.h"
#include "kernels/ops/optim_ops.h"
#include "kernels/ops/rope_ops.h"
#include "tests/kernels/ops/cuda_case.h"

namespace ropeway {
namespace {

constexpr int64_t kTwoTo31 = int64_t{1} << 31, kRow = 4096, kRows = kTwoTo31 / kRow + 1;

const c10::Device kGpu{c10::kCUDA, 0};

class CudaLarge : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = ops::why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  }
  static at::TensorOptions on_gpu(at::ScalarType type) { return at::TensorOptions(type).device(kGpu); }
  static std::string lacking(int64_t gib) {
    const int64_t free = ops::usable_device_bytes(kGpu) >> 30;
    return free >= gib
               ? ""
               : std::to_string(gib) + " GiB of device memory wanted, " + std::to_string(free) + " free";
  }
};

#define REQUIRE_GIB(gib) \
  if (const std::string reason = lacking(gib); !reason.empty()) GTEST_SKIP() << reason

TEST_F(CudaLarge, RmsNorm) {
  REQUIRE_GIB(10);
  const at::Tensor x = at::ones({kRows, kRow}, on_gpu(at::kBFloat16)), weight = x[0].clone();
  const at::Tensor rstd = at::zeros({kRows}, on_gpu(at::kFloat)), sum = at::zeros({kRow}, on_gpu(at::kFloat));
  x[kRows - 1].fill_(2);
  ops::rms_norm(x, weight, 0.0, x, rstd);
  EXPECT_EQ(x[kRows - 1].sum().item<float>(), kRow);
  EXPECT_EQ(rstd[kRows - 1].item<float>(), 0.5f);
  EXPECT_EQ(rstd[0].item<float>(), 1.0f);
  // dy is 0 but for the last row's first element, which alone makes the weight's gradient.
  const at::Tensor dy = at::zeros({kRows, kRow}, on_gpu(at::kBFloat16));
  dy[kRows - 1][0].fill_(4);
  ops::rms_norm_backward({dy, x, weight, rstd, dy, false, sum});
  EXPECT_EQ(sum[0].item<float>(), 2.0f);
  EXPECT_EQ(sum.abs().sum().item<float>(), 2.0f);
  EXPECT_NEAR(dy[kRows - 1][0].item<float>(), 0.5 * 4, 0x1p-6);
  EXPECT_EQ(dy[0].abs().sum().item<float>(), 0.0f);
}

TEST_F(CudaLarge, Swiglu) {
  REQUIRE_GIB(15);
  const at::Tensor gate_up = at::zeros({2 * kRows, kRow}, on_gpu(at::kBFloat16)),
                   out = at::ones({2 * kRows, kRow / 2}, on_gpu(at::kBFloat16));
  const int64_t last = 2 * kRows - 1;
  gate_up[last].fill_(20);  // sigmoid is 1
  ops::swiglu(gate_up, out);
  EXPECT_EQ(out[last].min().item<float>(), 400.0f);
  EXPECT_EQ(out[last].max().item<float>(), 400.0f);
  EXPECT_EQ(out[last - 1].abs().max().item<float>(), 0.0f);
  ops::swiglu_backward(out, gate_up, gate_up);
  EXPECT_EQ(gate_up[last].min().item<float>(), 8000.0f);
  EXPECT_EQ(gate_up[last].max().item<float>(), 8000.0f);
}

TEST_F(CudaLarge, Rope) {
  REQUIRE_GIB(6);
  const at::Tensor x = at::ones({kRows, 32, 128}, on_gpu(at::kBFloat16));
  const at::Tensor cos = at::zeros({kRows, 64}, on_gpu(at::kFloat)),
                   sin = at::zeros({kRows, 64}, on_gpu(at::kFloat));
  sin[kRows - 1].fill_(1);
  ops::rope_(x, cos, sin);
  EXPECT_EQ(x[kRows - 1].narrow(1, 0, 64).max().item<float>(), -1.0f);
  EXPECT_EQ(x[kRows - 1].narrow(1, 64, 64).min().item<float>(), 1.0f);
  EXPECT_EQ(x[kRows - 2].abs().max().item<float>(), 0.0f);
}

TEST_F(CudaLarge, MergeAttention) {
  REQUIRE_GIB(15);
  const at::Tensor out = at::zeros({1, kRows, 32, 128}, on_gpu(at::kFloat)).transpose(1, 2),
                   block = at::ones({1, kRows, 32, 128}, on_gpu(at::kBFloat16)).transpose(1, 2);
  const at::Tensor lse = at::zeros({1, 32, kRows}, on_gpu(at::kFloat)), lse_block = lse.clone();
  ops::merge_attention_(out, lse, block, lse_block);
  EXPECT_EQ(out.select(2, kRows - 1).min().item<float>(), 0.5f);
  EXPECT_EQ(out.select(2, kRows - 1).max().item<float>(), 0.5f);
  EXPECT_NEAR(lse[0][31][kRows - 1].item<float>(), std::log(2.0), 1e-6);
}

TEST_F(CudaLarge, AdamWAndSumOfSquares) {
  REQUIRE_GIB(31);
  for (const int64_t count : {kTwoTo31 - 1, kTwoTo31 + 1}) {
    const at::Tensor master = at::zeros({count}, on_gpu(at::kFloat)),
                     gradient = at::zeros({count}, on_gpu(at::kFloat)),
                     moment1 = at::zeros({count}, on_gpu(at::kBFloat16)),
                     moment2 = at::zeros({count}, on_gpu(at::kBFloat16)),
                     weight = at::ones({count}, on_gpu(at::kBFloat16));
    gradient.narrow(0, count - 3, 3).fill_(2);
    EXPECT_EQ(ops::sum_of_squares(gradient), 12.0);
    ops::adamw_step({master, moment1, moment2, gradient, weight, {.learning_rate = 0.5}, 1.0, 1});
    EXPECT_NEAR(master[count - 1].item<float>(), -0.5, 1e-6);  // the first step is the sign times the rate
    EXPECT_NEAR(master.narrow(0, count - 3, 3).sum().item<float>(), -1.5, 3e-6);
    EXPECT_EQ(weight[count - 1].item<float>(), -0.5f);
    EXPECT_EQ(weight[count - 4].item<float>(), 0.0f);
  }
}

}  // namespace
}  // namespace ropeway
