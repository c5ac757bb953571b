// Rows more than 2^31 elements apart. The matrix is address space only: two rows of it are ever touched, so a
// few pages of memory are used. An offset computed in 32 bits lands elsewhere, in the reserved range or
// outside it. large_arrays_test.cc has contiguous arrays and the grids that go with them.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <vector>

#include "kernels/attention/merge.h"
#include "kernels/attention/merge_team.h"
#include "kernels/base/element.h"
#include "kernels/mlp/swiglu.h"
#include "kernels/mlp/swiglu_team.h"
#include "kernels/norm/rms_norm.h"
#include "kernels/norm/rms_norm_team.h"
#include "kernels/rope/rope.h"
#include "kernels/rope/rope_factor_team.h"
#include "tests/kernels/host_team.h"

namespace ropeway {
namespace {

constexpr int64_t kStride = (int64_t{1} << 31) + 16;  // elements
constexpr int64_t kWidth = 32;

class TwoDistantRows {
 public:
  TwoDistantRows() {
    void* const start =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    data_ = start == MAP_FAILED ? nullptr : static_cast<float*>(start);
    for (int64_t i = 0; data_ && i < kWidth; ++i) {
      row(0)[i] = std::sin(1.0f + static_cast<float>(i));
      row(1)[i] = std::cos(2.0f + static_cast<float>(i));
    }
  }
  ~TwoDistantRows() {
    if (data_) munmap(data_, kBytes);
  }
  float* data() { return data_; }
  float* row(int index) { return index == 0 ? data_ : data_ + kStride; }

  // The two rows one after another, in ordinary memory.
  std::vector<float> packed() {
    std::vector<float> rows(row(0), row(0) + kWidth);
    rows.insert(rows.end(), row(1), row(1) + kWidth);
    return rows;
  }

 private:
  static constexpr size_t kBytes = sizeof(float) * (kStride + kWidth);
  float* data_ = nullptr;
};

class LargeOffsets : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!rows_.data()) GTEST_SKIP() << "no 8 GiB of address space can be reserved here";
    packed_ = rows_.packed();
  }
  TwoDistantRows rows_;
  std::vector<float> packed_;
};

TEST(RowPointer, CountsIn64Bits) {
  const uintptr_t base = 4096;
  const auto* const row = row_pointer(reinterpret_cast<const char*>(base), 524288, 4096);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(row) - base, uintptr_t{1} << 31);
}

TEST(RowStrides, CountIn64Bits) {
  const RowStrides strides{.batch = int64_t{1} << 33, .head = 128, .token = 4096};
  EXPECT_EQ(strides.offset(3, 5, 524289), (int64_t{3} << 33) + 5 * 128 + (int64_t{1} << 31) + 4096);
}

TEST_F(LargeOffsets, Rope) {
  const std::vector<float> cos(kWidth, 0.6f), sin(kWidth, 0.8f);
  rope_forward<float>(rows_.data(), cos.data(), sin.data(), {2, 1, kWidth, kWidth, kStride});
  rope_forward<float>(packed_.data(), cos.data(), sin.data(), {2, 1, kWidth, kWidth, kWidth});
  EXPECT_EQ(rows_.packed(), packed_);
  rope_backward<float>(rows_.data(), cos.data(), sin.data(), {2, 1, kWidth, kWidth, kStride});
  rope_backward<float>(packed_.data(), cos.data(), sin.data(), {2, 1, kWidth, kWidth, kWidth});
  EXPECT_EQ(rows_.packed(), packed_);
}

// The rows as y and as dy at once: both strides are the large one.
template <typename Gradient>
void expect_equal_factor_gradients(const Gradient& gradient, TwoDistantRows& rows,
                                   const std::vector<float>& packed) {
  std::vector<double> far(kWidth / 2 + 1, 0.0), near(kWidth / 2 + 1, 0.0);
  gradient(rows.data(), kStride, far);
  gradient(packed.data(), kWidth, near);
  EXPECT_EQ(far, near);
  EXPECT_NE(far.back(), 0.0);
}

const std::vector<double> kAngles(kWidth, 0.25);
const uint8_t kScaled[] = {1, 1};

// x as y and dy at once; the temperature's gradient is the last of `sums`.
RopeFactorGradient<float> factor_gradient_call(const float* x, int64_t stride, std::vector<double>& sums) {
  return {.shape = {2, 1, kWidth, kWidth, stride},
          .y = x,
          .dy = x,
          .dy_token_stride = stride,
          .angles = kAngles.data(),
          .scaled = kScaled,
          .grad_log_factors = sums.data(),
          .grad_log_temperature = &sums.back()};
}

TEST_F(LargeOffsets, RopeFactorGradient) {
  expect_equal_factor_gradients(
      [](const float* x, int64_t stride, std::vector<double>& sums) {
        rope_factor_gradient(factor_gradient_call(x, stride, sums));
      },
      rows_, packed_);
}

// In place; a row may be cut into heads.
RmsNormForward<float> norm_call(float* x, int64_t stride, int64_t heads, const float* weight, float* rstd) {
  const RowLayout rows{.group_stride = stride, .per_group = heads, .row_stride = kWidth / heads};
  return {.x = x,
          .x_rows = rows,
          .weight = weight,
          .eps = 1e-5,
          .rows = 2 * heads,
          .channels = kWidth / heads,
          .y = x,
          .y_rows = rows,
          .rstd = rstd};
}

template <typename Forward>
void expect_equal_norms(int64_t heads, const Forward& forward, TwoDistantRows& rows,
                        std::vector<float>& packed) {
  const std::vector<float> weight(kWidth, 1.5f);
  std::vector<float> rstd(2 * heads);
  forward(norm_call(rows.data(), kStride, heads, weight.data(), rstd.data()));
  forward(norm_call(packed.data(), kWidth, heads, weight.data(), rstd.data()));
  EXPECT_EQ(rows.packed(), packed);
}

// In place, the rows as x, dy and dx at once.
template <typename Backward>
void expect_equal_norm_gradients(int64_t heads, const Backward& backward, TwoDistantRows& rows,
                                 std::vector<float>& packed) {
  const std::vector<float> weight(kWidth, 1.5f), rstd(kWidth, 0.5f);
  std::vector<float> far(kWidth, 0.0f), near(kWidth, 0.0f);
  const auto call = [&](float* x, int64_t stride, float* grad_weight) {
    const RowLayout layout{.group_stride = stride, .per_group = heads, .row_stride = kWidth / heads};
    return RmsNormBackward<float>{.dy = x,
                                  .dy_rows = layout,
                                  .x = x,
                                  .x_rows = layout,
                                  .weight = weight.data(),
                                  .rstd = rstd.data(),
                                  .rows = 2 * heads,
                                  .channels = kWidth / heads,
                                  .dx = x,
                                  .dx_rows = layout,
                                  .grad_weight = grad_weight};
  };
  backward(call(rows.data(), kStride, far.data()));
  backward(call(packed.data(), kWidth, near.data()));
  EXPECT_EQ(rows.packed(), packed);
  EXPECT_EQ(far, near);
}

TEST_F(LargeOffsets, RmsNorm) { expect_equal_norms(1, rms_norm_forward<float>, rows_, packed_); }

TEST_F(LargeOffsets, RmsNormBackward) {
  expect_equal_norm_gradients(1, rms_norm_backward<float>, rows_, packed_);
}

TEST_F(LargeOffsets, HeadNorm) {
  expect_equal_norms(2, rms_norm_forward<float>, rows_, packed_);
  expect_equal_norm_gradients(2, rms_norm_backward<float>, rows_, packed_);
}

SwigluForward<float> swiglu_call(const float* gate_up, int64_t stride, std::vector<float>& out) {
  return {.gate_up = gate_up,
          .gate_up_stride = stride,
          .rows = 2,
          .width = kWidth / 2,
          .out = out.data(),
          .out_stride = kWidth / 2};
}
// In place.
SwigluBackward<float> swiglu_backward_call(const std::vector<float>& d_out, float* gate_up, int64_t stride) {
  return {.d_out = d_out.data(),
          .d_out_stride = kWidth / 2,
          .gate_up = gate_up,
          .gate_up_stride = stride,
          .rows = 2,
          .width = kWidth / 2,
          .d_gate_up = gate_up,
          .d_gate_up_stride = stride};
}

TEST_F(LargeOffsets, SwiGLU) {
  std::vector<float> far(kWidth), near(kWidth);
  swiglu_forward(swiglu_call(rows_.data(), kStride, far));
  swiglu_forward(swiglu_call(packed_.data(), kWidth, near));
  EXPECT_EQ(far, near);
  swiglu_backward(swiglu_backward_call(far, rows_.data(), kStride));
  swiglu_backward(swiglu_backward_call(near, packed_.data(), kWidth));
  EXPECT_EQ(rows_.packed(), packed_);
}

// A merge of two tokens with one head, results kStride or kWidth apart.
template <typename Merge>
void expect_equal_merges(const Merge& merge, TwoDistantRows& rows, std::vector<float>& packed) {
  std::vector<float> block(2 * kWidth, 0.25f);
  const std::vector<float> lse_block{0.5f, -0.5f};
  std::vector<float> lse_far{0.1f, 0.2f}, lse_near = lse_far;
  AttentionMerge<float> call;
  call.batch = call.heads = 1;
  call.tokens = 2;
  call.head_dim = kWidth;
  call.out_block = block.data();
  call.out_block_strides.token = kWidth;
  call.lse_block = lse_block.data();
  call.lse_block_strides.token = call.lse_acc_strides.token = 1;
  call.out_acc = rows.data();
  call.out_acc_strides.token = kStride;
  call.lse_acc = lse_far.data();
  merge(call);
  call.out_acc = packed.data();
  call.out_acc_strides.token = kWidth;
  call.lse_acc = lse_near.data();
  merge(call);
  EXPECT_EQ(rows.packed(), packed);
}

TEST_F(LargeOffsets, MergeAttention) {
  expect_equal_merges([](const AttentionMerge<float>& call) { merge_attention(call); }, rows_, packed_);
}

// --- The device kernels, run on the host

const testing::HostLauncher kHost;

TEST_F(LargeOffsets, RopeTeam) {
  const std::vector<float> cos(kWidth, 0.6f), sin(kWidth, 0.8f);
  const auto rotate = [&](float* x, int64_t stride) {
    launch_rope<false>(kHost, "", x, cos.data(), sin.data(), {2, 1, kWidth, kWidth, stride});
  };
  rotate(rows_.data(), kStride);
  rotate(packed_.data(), kWidth);
  EXPECT_EQ(rows_.packed(), packed_);
}

TEST_F(LargeOffsets, RopeFactorGradientTeam) {
  expect_equal_factor_gradients(
      [](const float* x, int64_t stride, std::vector<double>& sums) {
        std::vector<double> workspace(kWidth + 2);
        launch_rope_factor_gradient(kHost, factor_gradient_call(x, stride, sums), workspace.data());
      },
      rows_, packed_);
}

TEST_F(LargeOffsets, RmsNormTeam) {
  const auto forward = [](const RmsNormForward<float>& call) { launch_rms_norm_forward(kHost, call); };
  expect_equal_norms(1, forward, rows_, packed_);
}

TEST_F(LargeOffsets, RmsNormBackwardTeam) {
  const auto backward = [](const RmsNormBackward<float>& call) {
    std::vector<float> workspace(4 * kWidth);
    launch_rms_norm_backward(kHost, call, workspace.data());
  };
  for (const int64_t heads : {1, 2}) expect_equal_norm_gradients(heads, backward, rows_, packed_);
}

TEST_F(LargeOffsets, SwigluTeam) {
  std::vector<float> far(kWidth), near(kWidth);
  launch_swiglu_forward(kHost, swiglu_call(rows_.data(), kStride, far));
  launch_swiglu_forward(kHost, swiglu_call(packed_.data(), kWidth, near));
  EXPECT_EQ(far, near);
  launch_swiglu_backward(kHost, swiglu_backward_call(far, rows_.data(), kStride));
  launch_swiglu_backward(kHost, swiglu_backward_call(near, packed_.data(), kWidth));
  EXPECT_EQ(rows_.packed(), packed_);
}

TEST_F(LargeOffsets, MergeAttentionTeam) {
  expect_equal_merges([](const AttentionMerge<float>& call) { launch_merge_attention(kHost, call); }, rows_,
                      packed_);
}

}  // namespace
}  // namespace ropeway
