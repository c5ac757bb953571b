// The device kernels on contiguous arrays of 2^31 elements and a few more or less: of the grid of the real
// launch those teams are run that have the last elements. What they make of them must be what they make of
// the same values in a small array. An index or offset kept in 32 bits lands elsewhere. large_offsets_test.cc
// has few rows that lie far apart.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/attention/merge_team.h"
#include "kernels/loss/cross_entropy_team.h"
#include "kernels/mlp/swiglu_team.h"
#include "kernels/norm/rms_norm_team.h"
#include "kernels/optim/adamw_team.h"
#include "kernels/rope/rope_factor_team.h"
#include "kernels/rope/rope_table_team.h"
#include "tests/kernels/sparse_launch.h"

namespace ropeway {
namespace {

using namespace testing;

constexpr int64_t kTwoTo31 = int64_t{1} << 31;
constexpr int64_t kWidth = 4096, kRows = kTwoTo31 / kWidth + 1,
                  kLast = kRows - 1;  // the last row begins there
constexpr int64_t kHeads = 32, kHeadDim = 128, kPairs = kHeadDim / 2;

#define REQUIRE_SPACE(array) \
  if ((array).data() == nullptr) GTEST_SKIP() << "no address space for " #array

std::vector<float> values(int64_t count, float seed) {
  std::vector<float> v(count);
  for (int64_t i = 0; i < count; ++i) v[i] = std::sin(seed + static_cast<float>(i));
  return v;
}
void put(const std::vector<float>& from, float* to) { std::copy(from.begin(), from.end(), to); }
std::vector<float> row_of(const float* row, int64_t count) { return {row, row + count}; }

// The team that has an item when teams take them in turn.
SparseLauncher in_turn(int64_t item) {
  return SparseLauncher([item](int64_t teams, int) { return std::set<int64_t>{item % teams}; });
}
// The same where teams take tiles of whole rows.
SparseLauncher owner_of_row(int64_t row, const ItemTiles& tiles) {
  return in_turn(row / tiles.rows_per_tile);
}

// The teams that have the last elements of a flat array, as packs of n or as the rest that fills none.
SparseLauncher owners_of_end(int64_t count, int n) {
  return SparseLauncher([=](int64_t teams, int threads) {
    std::set<int64_t> owners{0};
    for (int64_t pack = (count - kPackOf<float>) / n; pack < count / n; ++pack)
      owners.insert(pack % (teams * threads) / threads);
    return owners;
  });
}

class FlatArrays : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(AroundTwoTo31, FlatArrays, ::testing::Values(kTwoTo31 - 1, kTwoTo31, kTwoTo31 + 1));

struct AdamWMemory {
  std::vector<float> master = values(kCount, 1), moment1 = values(kCount, 2), moment2 = values(kCount, 3),
                     gradient = values(kCount, 4);
  static constexpr int64_t kCount = 7;
  AdamWMemory() {
    for (float& v : moment2) v = std::abs(v);
  }
};

TEST_P(FlatArrays, AdamW) {
  const int64_t count = GetParam(), end = AdamWMemory::kCount, first = count - end;
  const SparseArray<float> master(count), moment1(count), moment2(count), gradient(count);
  const SparseArray<bfloat16> weight(count);
  REQUIRE_SPACE(master);
  REQUIRE_SPACE(moment1);
  REQUIRE_SPACE(moment2);
  REQUIRE_SPACE(gradient);
  REQUIRE_SPACE(weight);
  AdamWMemory small;
  std::vector<bfloat16> small_weight(end);
  put(small.master, master.data() + first);
  put(small.moment1, moment1.data() + first);
  put(small.moment2, moment2.data() + first);
  put(small.gradient, gradient.data() + first);
  const AdamWStep step{.weight_decay = 0.1, .gradient_scale = 0.5, .step = 2};
  launch_adamw<bfloat16, float, float>(
      owners_of_end(count, kPackOf<float>),
      {master.data(), moment1.data(), moment2.data(), gradient.data(), weight.data(), count}, step);
  launch_adamw<bfloat16, float, float>(HostLauncher(),
                                       {small.master.data(), small.moment1.data(), small.moment2.data(),
                                        small.gradient.data(), small_weight.data(), end},
                                       step);
  EXPECT_EQ(row_of(master.data() + first, end), small.master);
  EXPECT_EQ(row_of(moment1.data() + first, end), small.moment1);
  EXPECT_EQ(row_of(moment2.data() + first, end), small.moment2);
  for (int64_t i = 0; i < end; ++i) EXPECT_EQ(weight.data()[first + i].bits, small_weight[i].bits) << i;
}

TEST_P(FlatArrays, SumOfSquares) {
  const int64_t count = GetParam();
  const SparseArray<float> array(count);
  REQUIRE_SPACE(array);
  double wanted = 0;
  for (int64_t i = count - 7; i < count; ++i) {
    array.data()[i] = static_cast<float>(count - i);
    wanted += static_cast<double>((count - i) * (count - i));
  }
  std::vector<double> workspace(cuda::kSumOfSquaresTiles, 0.0);
  double sum = 0;
  launch_sum_of_squares(owners_of_end(count, kPackOf<float>), array.data(), count, workspace.data(), &sum);
  EXPECT_EQ(sum, wanted);
}

TEST(RowsPastTwoTo31, Swiglu) {
  constexpr int64_t kMlp = kWidth / 2, kManyRows = 2 * (kRows - 1) + 1, kEnd = kManyRows - 1;
  const SparseArray<float> gate_up(kManyRows * 2 * kMlp), out(kManyRows * kMlp),
      d_gate_up(kManyRows * 2 * kMlp);
  REQUIRE_SPACE(gate_up);
  REQUIRE_SPACE(out);
  REQUIRE_SPACE(d_gate_up);
  const std::vector<float> row = values(2 * kMlp, 1), d_out_row = values(kMlp, 2);
  std::vector<float> near(kMlp), d_near(2 * kMlp);
  put(row, gate_up.data() + kEnd * 2 * kMlp);
  const SparseLauncher owner = owner_of_row(kEnd, ItemTiles(kManyRows, kMlp / kPackOf<float>));
  launch_swiglu_forward<float>(owner, {.gate_up = gate_up.data(),
                                       .gate_up_stride = 2 * kMlp,
                                       .rows = kManyRows,
                                       .width = kMlp,
                                       .out = out.data(),
                                       .out_stride = kMlp});
  launch_swiglu_forward<float>(HostLauncher(), {.gate_up = row.data(),
                                                .gate_up_stride = 2 * kMlp,
                                                .rows = 1,
                                                .width = kMlp,
                                                .out = near.data(),
                                                .out_stride = kMlp});
  EXPECT_EQ(row_of(out.data() + kEnd * kMlp, kMlp), near);

  put(d_out_row, out.data() + kEnd * kMlp);
  launch_swiglu_backward<float>(owner, {.d_out = out.data(),
                                        .d_out_stride = kMlp,
                                        .gate_up = gate_up.data(),
                                        .gate_up_stride = 2 * kMlp,
                                        .rows = kManyRows,
                                        .width = kMlp,
                                        .d_gate_up = d_gate_up.data(),
                                        .d_gate_up_stride = 2 * kMlp});
  launch_swiglu_backward<float>(HostLauncher(), {.d_out = d_out_row.data(),
                                                 .d_out_stride = kMlp,
                                                 .gate_up = row.data(),
                                                 .gate_up_stride = 2 * kMlp,
                                                 .rows = 1,
                                                 .width = kMlp,
                                                 .d_gate_up = d_near.data(),
                                                 .d_gate_up_stride = 2 * kMlp});
  EXPECT_EQ(row_of(d_gate_up.data() + kEnd * 2 * kMlp, 2 * kMlp), d_near);
}

TEST(RowsPastTwoTo31, Rope) {
  const SparseArray<float> x(kRows * kWidth), cos(kRows * kPairs), sin(kRows * kPairs);
  REQUIRE_SPACE(x);
  REQUIRE_SPACE(cos);
  REQUIRE_SPACE(sin);
  std::vector<float> near = values(kWidth, 1), cos_row = values(kPairs, 2), sin_row = values(kPairs, 3);
  put(near, x.data() + kLast * kWidth);
  put(cos_row, cos.data() + kLast * kPairs);
  put(sin_row, sin.data() + kLast * kPairs);
  const RopeShape shape{kRows, kHeads, kHeadDim, kHeadDim, kWidth},
      one{1, kHeads, kHeadDim, kHeadDim, kWidth};
  const SparseLauncher owner = owner_of_row(kLast, ItemTiles(kRows, kHeads * (kPairs / kPackOf<float>)));
  launch_rope<false>(owner, "", x.data(), cos.data(), sin.data(), shape);
  launch_rope<false>(HostLauncher(), "", near.data(), cos_row.data(), sin_row.data(), one);
  EXPECT_EQ(row_of(x.data() + kLast * kWidth, kWidth), near);
  launch_rope<true>(owner, "", x.data(), cos.data(), sin.data(), shape);
  launch_rope<true>(HostLauncher(), "", near.data(), cos_row.data(), sin_row.data(), one);
  EXPECT_EQ(row_of(x.data() + kLast * kWidth, kWidth), near);
}

TEST(RowsPastTwoTo31, RopeTables) {
  constexpr int64_t kTokens = kTwoTo31 / kPairs + 1, kEnd = kTokens - 1;
  const SparseArray<float> cos(kTokens * kPairs), sin(kTokens * kPairs);
  const SparseArray<double> angles(kTokens * kPairs);
  const SparseArray<int64_t> positions(kTokens);
  const SparseArray<bool> scaled(kTokens);
  REQUIRE_SPACE(cos);
  REQUIRE_SPACE(sin);
  REQUIRE_SPACE(angles);
  REQUIRE_SPACE(positions);
  REQUIRE_SPACE(scaled);
  const std::vector<double> rates(kPairs, 0.125);
  positions.data()[kEnd] = kEnd;
  const RopeTableInput input{.scaled = rates.data(),
                             .plain = rates.data(),
                             .positions = positions.data(),
                             .tokens = kTokens,
                             .pairs = kPairs};
  const SparseLauncher owner = owner_of_row(kEnd, ItemTiles(kTokens, kPairs));
  launch_rope_table(owner, input, cos.data(), sin.data());
  launch_rope_angles(owner, input, angles.data(), scaled.data());
  const double angle = 0.125 * static_cast<double>(kEnd);
  for (int64_t i = kEnd * kPairs; i < kTokens * kPairs; ++i) {
    EXPECT_EQ(cos.data()[i], static_cast<float>(std::cos(angle)));
    EXPECT_EQ(sin.data()[i], static_cast<float>(std::sin(angle)));
    EXPECT_EQ(angles.data()[i], angle);
  }
  EXPECT_TRUE(scaled.data()[kEnd]);
}

TEST(RowsPastTwoTo31, RopeFactorGradient) {
  const SparseArray<float> y(kRows * kWidth), dy(kRows * kWidth);
  const SparseArray<double> angles(kRows * kPairs);
  const SparseArray<uint8_t> scaled(kRows);
  REQUIRE_SPACE(y);
  REQUIRE_SPACE(dy);
  REQUIRE_SPACE(angles);
  REQUIRE_SPACE(scaled);
  const std::vector<float> y_row = values(kWidth, 1), dy_row = values(kWidth, 2);
  put(y_row, y.data() + kLast * kWidth);
  put(dy_row, dy.data() + kLast * kWidth);
  std::vector<double> angle_row(kPairs);
  for (int64_t i = 0; i < kPairs; ++i) {
    angle_row[i] = angles.data()[kLast * kPairs + i] = std::cos(static_cast<double>(i));
  }
  const uint8_t one_scaled = scaled.data()[kLast] = 1;
  const RopeShape shape{kRows, kHeads, kHeadDim, kHeadDim, kWidth},
      one{1, kHeads, kHeadDim, kHeadDim, kWidth};
  std::vector<double> far(kPairs + 1, 0.0), near(kPairs + 1, 0.0), one_workspace(kPairs + 1);
  std::vector<double> workspace(factor_tiles(shape).count * (kPairs + 1), 0.0);
  launch_rope_factor_gradient<float>(in_turn(kLast / factor_tiles(shape).tokens_per_tile),
                                     {.shape = shape,
                                      .y = y.data(),
                                      .dy = dy.data(),
                                      .dy_token_stride = kWidth,
                                      .angles = angles.data(),
                                      .scaled = scaled.data(),
                                      .grad_log_factors = far.data(),
                                      .grad_log_temperature = &far[kPairs]},
                                     workspace.data());
  launch_rope_factor_gradient<float>(HostLauncher(),
                                     {.shape = one,
                                      .y = y_row.data(),
                                      .dy = dy_row.data(),
                                      .dy_token_stride = kWidth,
                                      .angles = angle_row.data(),
                                      .scaled = &one_scaled,
                                      .grad_log_factors = near.data(),
                                      .grad_log_temperature = &near[kPairs]},
                                     one_workspace.data());
  for (int64_t i = 0; i <= kPairs; ++i)
    EXPECT_NEAR(far[i], near[i], 1e-12) << i;  // other walkers, other order
}

// Rows as they are: all channels, or the heads of tokens.
void expect_norms_at_the_end(int64_t per_token) {
  const int64_t channels = kWidth / per_token, rows = kRows * per_token;
  const RowLayout layout{.group_stride = kWidth, .per_group = per_token, .row_stride = channels};
  const SparseArray<float> x(kRows * kWidth), y(kRows * kWidth), dy(kRows * kWidth), rstd(rows);
  REQUIRE_SPACE(x);
  REQUIRE_SPACE(y);
  REQUIRE_SPACE(dy);
  REQUIRE_SPACE(rstd);
  const std::vector<float> x_row = values(channels, 1), dy_row = values(channels, 2),
                           weight = values(channels, 3);
  const int64_t at = kRows * kWidth - channels;
  put(x_row, x.data() + at);
  put(dy_row, dy.data() + at);
  std::vector<float> near(channels);
  float near_rstd = 0;
  launch_rms_norm_forward<float>(in_turn(rows - 1), {.x = x.data(),
                                                     .x_rows = layout,
                                                     .weight = weight.data(),
                                                     .eps = 1e-5,
                                                     .rows = rows,
                                                     .channels = channels,
                                                     .y = y.data(),
                                                     .y_rows = layout,
                                                     .rstd = rstd.data()});
  launch_rms_norm_forward<float>(HostLauncher(), {.x = x_row.data(),
                                                  .x_rows = {},
                                                  .weight = weight.data(),
                                                  .eps = 1e-5,
                                                  .rows = 1,
                                                  .channels = channels,
                                                  .y = near.data(),
                                                  .y_rows = {},
                                                  .rstd = &near_rstd});
  EXPECT_EQ(row_of(y.data() + at, channels), near);
  EXPECT_EQ(rstd.data()[rows - 1], near_rstd);

  const RmsNormTiles tiles = rms_norm_tiles<float>(rows, channels);
  std::vector<float> workspace(tiles.count * channels, 0.0f), one_workspace(channels);
  std::vector<float> sum(channels, 0.0f), near_sum(channels, 0.0f);
  launch_rms_norm_backward<float>(in_turn((rows - 1) / tiles.rows_per_tile),
                                  {.dy = dy.data(),
                                   .dy_rows = layout,
                                   .x = x.data(),
                                   .x_rows = layout,
                                   .weight = weight.data(),
                                   .rstd = rstd.data(),
                                   .rows = rows,
                                   .channels = channels,
                                   .dx = dy.data(),
                                   .dx_rows = layout,
                                   .grad_weight = sum.data()},
                                  workspace.data());
  launch_rms_norm_backward<float>(HostLauncher(),
                                  {.dy = dy_row.data(),
                                   .dy_rows = {},
                                   .x = x_row.data(),
                                   .x_rows = {},
                                   .weight = weight.data(),
                                   .rstd = &near_rstd,
                                   .rows = 1,
                                   .channels = channels,
                                   .dx = near.data(),
                                   .dx_rows = {},
                                   .grad_weight = near_sum.data()},
                                  one_workspace.data());
  EXPECT_EQ(row_of(dy.data() + at, channels), near);
  EXPECT_EQ(sum, near_sum);
}
TEST(RowsPastTwoTo31, RmsNorm) { expect_norms_at_the_end(1); }
TEST(RowsPastTwoTo31, HeadNorm) { expect_norms_at_the_end(kHeads); }

TEST(RowsPastTwoTo31, MergeAttention) {
  const SparseArray<float> out(kRows * kWidth), lse(kRows * kHeads);
  const SparseArray<bfloat16> block(kRows * kWidth);
  REQUIRE_SPACE(out);
  REQUIRE_SPACE(lse);
  REQUIRE_SPACE(block);
  std::vector<float> near = values(kWidth, 1), near_lse = values(kHeads, 2);
  const std::vector<float> lse_block(kHeads, 0.5f);
  std::vector<bfloat16> block_row;
  for (const float value : values(kWidth, 3)) block_row.emplace_back(value);
  put(near, out.data() + kLast * kWidth);
  std::copy(block_row.begin(), block_row.end(), block.data() + kLast * kWidth);
  for (int64_t h = 0; h < kHeads; ++h) lse.data()[h * kRows + kLast] = near_lse[h];
  const auto call = [&](int64_t tokens, float* to, float* to_lse, const bfloat16* from) {
    return AttentionMerge<bfloat16>{.batch = 1,
                                    .heads = kHeads,
                                    .tokens = tokens,
                                    .head_dim = kHeadDim,
                                    .out_acc = to,
                                    .out_acc_strides = {0, kHeadDim, kWidth},
                                    .lse_acc = to_lse,
                                    .lse_acc_strides = {0, tokens, 1},
                                    .out_block = from,
                                    .out_block_strides = {0, kHeadDim, kWidth},
                                    .lse_block = lse_block.data(),
                                    .lse_block_strides = {0, 1, 0}};
  };
  launch_merge_attention(in_turn(kLast), call(kRows, out.data(), lse.data(), block.data()));
  launch_merge_attention(HostLauncher(), call(1, near.data(), near_lse.data(), block_row.data()));
  EXPECT_EQ(row_of(out.data() + kLast * kWidth, kWidth), near);
  for (int64_t h = 0; h < kHeads; ++h) EXPECT_EQ(lse.data()[h * kRows + kLast], near_lse[h]);
}

TEST(RowsPastTwoTo31, CrossEntropy) {
  const SparseArray<float> logits(kRows * kWidth), weights(kRows), nll(kRows);
  const SparseArray<int64_t> labels(kRows);
  const SparseArray<bool> correct(kRows);
  REQUIRE_SPACE(logits);
  REQUIRE_SPACE(weights);
  REQUIRE_SPACE(nll);
  REQUIRE_SPACE(labels);
  REQUIRE_SPACE(correct);
  std::vector<float> near = values(kWidth, 1);
  put(near, logits.data() + kLast * kWidth);
  const int64_t label = labels.data()[kLast] = 4001;
  const float weight = weights.data()[kLast] = 0.75f;
  float near_nll = 0;
  bool near_correct = true;
  launch_cross_entropy<float, float>(in_turn(kLast), {.logits = logits.data(),
                                                      .rows = kRows,
                                                      .vocab = kWidth,
                                                      .labels = labels.data(),
                                                      .weights = weights.data(),
                                                      .scale = 0.5,
                                                      .gradient = logits.data(),
                                                      .nll = nll.data(),
                                                      .correct = correct.data()});
  launch_cross_entropy<float, float>(HostLauncher(), {.logits = near.data(),
                                                      .rows = 1,
                                                      .vocab = kWidth,
                                                      .labels = &label,
                                                      .weights = &weight,
                                                      .scale = 0.5,
                                                      .gradient = near.data(),
                                                      .nll = &near_nll,
                                                      .correct = &near_correct});
  EXPECT_EQ(row_of(logits.data() + kLast * kWidth, kWidth), near);
  EXPECT_EQ(nll.data()[kLast], near_nll);
  EXPECT_EQ(correct.data()[kLast], near_correct);
}

}  // namespace
}  // namespace ropeway
