// RMSNorm's device kernels, run on the host, against the CPU kernels.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>

#include "kernels/norm/rms_norm_team.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/norm_ops.h"
#include "kernels/ops/tensor_access.h"
#include "tests/kernels/host_team.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using ops::data_of;
using namespace testing;

struct Shape {
  int64_t rows, channels, stride;
  double offset = 0;
};
// Warps and blocks; whole packs and odd rows; more rows than tiles.
const Shape kShapes[] = {{5, 64, 64},     {5, 64, 72},  {3, 7, 9},      {0, 16, 16},       {4, 4096, 4096},
                         {6, 2050, 2050}, {9000, 8, 8}, {5, 64, 72, 1}, {6, 2051, 2051, 1}};

class RmsNormTeam : public ::testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, RmsNormTeam, ::testing::ValuesIn(kShapes));

double tolerance_of(at::ScalarType type) {
  return type == at::kDouble ? 1e-14 : type == at::kFloat ? 2e-6 : 0x1p-8;
}

at::Tensor rows_of(const Shape& s, at::ScalarType type, uint64_t seed) {
  return random_tensor({s.rows, s.stride}, type, seed).narrow(1, 0, s.channels);
}

// In double precision: the order in which the CPU adds up single ones is the compiler's choice.
TEST_P(RmsNormTeam, ForwardAsTheCPUInDoublePrecision) {
  const Shape s = GetParam();
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor x = rows_of(s, type, 1), weight = random_tensor({s.channels}, type, 2);
    const at::Tensor y = at::empty({s.rows, s.channels}, type), exact_y = y.to(at::kDouble);
    const at::Tensor rstd = at::empty({s.rows}, ops::accumulation_type(type)),
                     exact_rstd = rstd.to(at::kDouble);
    ops::rms_norm(x.to(at::kDouble).contiguous(), weight.to(at::kDouble), 1e-5, exact_y, exact_rstd,
                  s.offset);
    ops::for_activation_type(type, "", [&]<typename T>(T) {
      launch_rms_norm_forward<T>(HostLauncher(), {.x = data_of<const T>(x),
                                                  .x_rows = {.group_stride = s.stride},
                                                  .weight = data_of<const T>(weight),
                                                  .offset = s.offset,
                                                  .eps = 1e-5,
                                                  .rows = s.rows,
                                                  .channels = s.channels,
                                                  .y = data_of<T>(y),
                                                  .y_rows = {.group_stride = s.channels},
                                                  .rstd = data_of<accumulation_t<T>>(rstd)});
    });
    if (s.rows == 0) continue;
    EXPECT_LE(relative_error(y, exact_y), tolerance_of(type));
    EXPECT_LE(relative_error(rstd, exact_rstd), type == at::kDouble ? 1e-14 : 1e-6);
  }
}

struct Gradients {
  at::Tensor dx, grad_weight;
};

template <typename T>
Gradients team_gradients(const Shape& s, const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& rstd, const at::Tensor& dx_before, bool accumulate,
                         bool backwards) {
  using Acc = accumulation_t<T>;
  Gradients g{dx_before.clone(), at::ones({s.channels}, rstd.scalar_type())};
  std::vector<Acc> workspace(rms_norm_tiles<T>(s.rows, s.channels).count * s.channels, Acc(NAN));
  launch_rms_norm_backward<T>(HostLauncher(backwards),
                              {.dy = data_of<const T>(dy),
                               .dy_rows = {.group_stride = s.stride},
                               .x = data_of<const T>(x),
                               .x_rows = {.group_stride = s.stride},
                               .weight = data_of<const T>(weight),
                               .offset = s.offset,
                               .rstd = data_of<const Acc>(rstd),
                               .rows = s.rows,
                               .channels = s.channels,
                               .dx = data_of<T>(g.dx),
                               .dx_rows = {.group_stride = s.channels},
                               .accumulate = accumulate,
                               .grad_weight = data_of<Acc>(g.grad_weight)},
                              workspace.data());
  return g;
}

TEST_P(RmsNormTeam, BackwardAsTheCPU) {
  const Shape s = GetParam();
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor x = rows_of(s, type, 1), dy = rows_of(s, type, 3),
                     weight = random_tensor({s.channels}, type, 2);
    const at::Tensor before = random_tensor({s.rows, s.channels}, type, 4);
    const at::Tensor rstd = random_tensor({s.rows}, ops::accumulation_type(type), 5).abs();
    for (const bool accumulate : {false, true}) {
      Gradients cpu{before.clone(), at::ones({s.channels}, rstd.scalar_type())};
      ops::rms_norm_backward({dy, x, weight, rstd, cpu.dx, accumulate, cpu.grad_weight, s.offset});
      ops::for_activation_type(type, "", [&]<typename T>(T) {
        const Gradients g = team_gradients<T>(s, dy, x, weight, rstd, before, accumulate, false);
        EXPECT_LE(relative_error(g.grad_weight, cpu.grad_weight), type == at::kDouble ? 1e-13 : 1e-5);
        const Gradients other_order = team_gradients<T>(s, dy, x, weight, rstd, before, accumulate, true);
        EXPECT_EQ(max_difference(g.grad_weight, other_order.grad_weight), 0.0);
        if (s.rows == 0) return;
        EXPECT_LE(relative_error(g.dx, cpu.dx), tolerance_of(type));
      });
    }
  }
}

// Heads of tokens, as norms of queries and keys have them: [T, H, D] inside wider rows.
TEST(RmsNormTeamOfHeads, EqualsTheRowsOneByOne) {
  constexpr int64_t kTokens = 6, kHeads = 3, kDim = 16, kRow = 80;
  const at::Tensor buffer = random_tensor({kTokens, kRow}, at::kFloat, 1),
                   weight = random_tensor({kDim}, at::kFloat, 2);
  const at::Tensor heads = buffer.narrow(1, 8, kHeads * kDim).reshape({kTokens * kHeads, kDim});
  const at::Tensor y = at::empty_like(heads), rstd = at::empty({kTokens * kHeads}, at::kFloat);
  const at::Tensor cpu_y = y.clone(), cpu_rstd = rstd.clone();
  ops::rms_norm(heads, weight, 1e-5, cpu_y, cpu_rstd);
  launch_rms_norm_forward<float>(
      HostLauncher(), {.x = data_of<const float>(buffer) + 8,
                       .x_rows = {.group_stride = kRow, .per_group = kHeads, .row_stride = kDim},
                       .weight = data_of<const float>(weight),
                       .eps = 1e-5,
                       .rows = kTokens * kHeads,
                       .channels = kDim,
                       .y = data_of<float>(y),
                       .y_rows = {.group_stride = kHeads * kDim, .per_group = kHeads, .row_stride = kDim},
                       .rstd = data_of<float>(rstd)});
  EXPECT_LE(relative_error(y, cpu_y), 1e-6);
  EXPECT_LE(relative_error(rstd, cpu_rstd), 1e-6);
}

TEST(RmsNormTeamOfHeads, BackwardInPlaceEqualsTheRowsOneByOne) {
  constexpr int64_t kTokens = 6, kHeads = 3, kDim = 16, kRow = 80;
  const RowLayout layout{.group_stride = kRow, .per_group = kHeads, .row_stride = kDim};
  const at::Tensor x = random_tensor({kTokens, kRow}, at::kDouble, 1),
                   dy = random_tensor({kTokens, kRow}, at::kDouble, 2);
  const at::Tensor weight = random_tensor({kDim}, at::kDouble, 3),
                   rstd = random_tensor({kTokens * kHeads}, at::kDouble, 4);
  const auto heads = [](const at::Tensor& rows) {
    return rows.narrow(1, 8, kHeads * kDim).reshape({kTokens * kHeads, kDim});
  };
  const at::Tensor cpu_dx = at::empty({kTokens * kHeads, kDim}, at::kDouble),
                   cpu_sum = at::ones({kDim}, at::kDouble);
  ops::rms_norm_backward({heads(dy), heads(x), weight, rstd, cpu_dx, false, cpu_sum});
  const at::Tensor sum = at::ones({kDim}, at::kDouble), in_place = dy.clone();
  std::vector<double> workspace(rms_norm_tiles<double>(kTokens * kHeads, kDim).count * kDim, NAN);
  double* const dy_heads = data_of<double>(in_place) + 8;
  launch_rms_norm_backward<double>(HostLauncher(),
                                   {.dy = dy_heads,
                                    .dy_rows = layout,
                                    .x = data_of<const double>(x) + 8,
                                    .x_rows = layout,
                                    .weight = data_of<const double>(weight),
                                    .rstd = data_of<const double>(rstd),
                                    .rows = kTokens * kHeads,
                                    .channels = kDim,
                                    .dx = dy_heads,
                                    .dx_rows = layout,
                                    .grad_weight = data_of<double>(sum)},
                                   workspace.data());
  EXPECT_LE(relative_error(heads(in_place), cpu_dx), 1e-14);
  EXPECT_LE(relative_error(sum, cpu_sum), 1e-14);
  // What lies between the heads' rows stays.
  EXPECT_EQ(max_difference(in_place.narrow(1, 0, 8), dy.narrow(1, 0, 8)), 0.0);
  EXPECT_EQ(max_difference(in_place.narrow(1, 56, 24), dy.narrow(1, 56, 24)), 0.0);
}

TEST(RmsNormTiles, CoverAllRowsOnce) {
  for (const int64_t channels : {8, 512, 1024, 4096, 16384}) {
    for (const int64_t rows : {int64_t{1}, int64_t{1000}, int64_t{524289}, (int64_t{1} << 31) + 1}) {
      const RmsNormTiles tiles = rms_norm_tiles<bfloat16>(rows, channels);
      EXPECT_GE(tiles.count * tiles.rows_per_tile, rows);
      EXPECT_LT((tiles.count - 1) * tiles.rows_per_tile, rows);
      EXPECT_LE(tiles.count * channels, int64_t{1} << 24) << "workspace";
    }
  }
}

TEST(RowLayout, CountsIn64Bits) {
  const RowLayout heads{.group_stride = 4096, .per_group = 32, .row_stride = 128};
  EXPECT_EQ(heads.offset(524289 * int64_t{32} + 5), int64_t{524289} * 4096 + 5 * 128);
  EXPECT_EQ((RowLayout{.group_stride = 4096}.offset((1 << 19) + 1)), (int64_t{1} << 31) + 4096);
}

}  // namespace
}  // namespace ropeway
