// Rows more than 2^31 elements apart. The matrix is address space only: two rows of it are ever touched, so a
// few pages of memory are used. An offset computed in 32 bits lands elsewhere, in the reserved range or
// outside it.
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
#include "kernels/rope/rope_team.h"
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
}

TEST_F(LargeOffsets, RmsNorm) {
  const std::vector<float> weight(kWidth, 1.5f);
  float rstd[2];
  rms_norm_forward<float>(rows_.data(), kStride, weight.data(), 1e-5, 2, kWidth, rows_.data(), kStride, rstd);
  rms_norm_forward<float>(packed_.data(), kWidth, weight.data(), 1e-5, 2, kWidth, packed_.data(), kWidth,
                          rstd);
  EXPECT_EQ(rows_.packed(), packed_);
}

TEST_F(LargeOffsets, SwiGLU) {
  std::vector<float> far(kWidth), near(kWidth);
  swiglu_forward<float>(rows_.data(), kStride, 2, kWidth / 2, far.data(), kWidth / 2);
  swiglu_forward<float>(packed_.data(), kWidth, 2, kWidth / 2, near.data(), kWidth / 2);
  EXPECT_EQ(far, near);
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

TEST_F(LargeOffsets, RmsNormTeam) {
  const std::vector<float> weight(kWidth, 1.5f);
  float rstd[2];
  const auto normalize = [&](float* x, int64_t stride) {
    launch_rms_norm_forward<float>(kHost, {.x = x,
                                           .x_rows = {.group_stride = stride},
                                           .weight = weight.data(),
                                           .eps = 1e-5,
                                           .rows = 2,
                                           .channels = kWidth,
                                           .y = x,
                                           .y_rows = {.group_stride = stride},
                                           .rstd = rstd});
  };
  normalize(rows_.data(), kStride);
  normalize(packed_.data(), kWidth);
  EXPECT_EQ(rows_.packed(), packed_);
}

TEST_F(LargeOffsets, SwigluTeam) {
  std::vector<float> far(kWidth), near(kWidth);
  launch_swiglu_forward<float>(kHost, rows_.data(), kStride, 2, kWidth / 2, far.data(), kWidth / 2);
  launch_swiglu_forward<float>(kHost, packed_.data(), kWidth, 2, kWidth / 2, near.data(), kWidth / 2);
  EXPECT_EQ(far, near);
}

TEST_F(LargeOffsets, MergeAttentionTeam) {
  expect_equal_merges([](const AttentionMerge<float>& call) { launch_merge_attention(kHost, call); }, rows_,
                      packed_);
}

}  // namespace
}  // namespace ropeway
