// RoPE's device kernels, run on the host, against the CPU kernels.
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/rope_ops.h"
#include "kernels/ops/tensor_access.h"
#include "kernels/rope/rope_factor_team.h"
#include "kernels/rope/rope_table_team.h"
#include "tests/kernels/host_team.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using ops::data_of;
using namespace testing;

struct Shape {
  int64_t tokens, heads, head_dim, rotary, first_column, row;
  bool interleaved = false;
};
// Packed and odd rows, whole and partial rotation, one head and many.
const Shape kShapes[] = {
    {300, 3, 32, 32, 0, 96},    {7, 3, 20, 16, 0, 60},        {9, 2, 32, 16, 16, 96},
    {9, 2, 32, 16, 3, 99},      {1, 5, 6, 6, 0, 30},          {0, 2, 16, 16, 0, 32},
    {2, 40, 128, 128, 0, 5120}, {9, 2, 32, 16, 16, 96, true}, {7, 3, 20, 20, 1, 61, true}};

at::Tensor view_of(const Shape& s, const at::Tensor& buffer) {
  return buffer.narrow(1, s.first_column, s.heads * s.head_dim).view({s.tokens, s.heads, s.head_dim});
}

at::Tensor angles_of(const Shape& s) {
  const at::Tensor omega =
      (at::arange(s.rotary / 2, at::kDouble) * (-2.0 / static_cast<double>(s.rotary)) * 9).exp();
  return at::outer(at::arange(3, 3 + s.tokens, at::kDouble), omega);
}

RopeShape rope_shape(const Shape& s) {
  return {s.tokens, s.heads, s.head_dim, s.rotary, s.row, s.interleaved};
}

class RopeTeam : public ::testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, RopeTeam, ::testing::ValuesIn(kShapes));

TEST_P(RopeTeam, RotatesAsTheCPU) {
  const Shape s = GetParam();
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::ScalarType acc = ops::accumulation_type(type);
    const at::Tensor cos = angles_of(s).cos().to(acc), sin = angles_of(s).sin().to(acc);
    ops::for_activation_type(type, "", [&]<typename T>(T) {
      using Acc = accumulation_t<T>;
      const at::Tensor start = random_tensor({s.tokens, s.row}, type, 1);
      const at::Tensor forward = start.clone(), backward = start.clone();
      const at::Tensor cpu_forward = start.clone(), cpu_backward = start.clone();
      T* const x = data_of<T>(forward) + s.first_column;
      T* const dy = data_of<T>(backward) + s.first_column;
      launch_rope<false>(HostLauncher(), "", x, data_of<const Acc>(cos), data_of<const Acc>(sin),
                         rope_shape(s));
      launch_rope<true>(HostLauncher(), "", dy, data_of<const Acc>(cos), data_of<const Acc>(sin),
                        rope_shape(s));
      ops::rope_(view_of(s, cpu_forward), cos, sin, s.interleaved);
      ops::rope_backward_(view_of(s, cpu_backward), cos, sin, s.interleaved);
      // Fused multiply-adds may differ; then BF16 may round to the neighbour.
      const double tolerance = type == at::kDouble ? 1e-15 : type == at::kFloat ? 1e-6 : 0x1p-6;
      EXPECT_LE(max_difference(forward, cpu_forward), tolerance);
      EXPECT_LE(max_difference(backward, cpu_backward), tolerance);
    });
  }
}

struct FactorSums {
  at::Tensor factors, temperature;
};

template <typename T>
FactorSums team_sums(const Shape& s, const at::Tensor& y, const at::Tensor& dy, const at::Tensor& scaled,
                     bool backwards) {
  const RopeShape shape = rope_shape(s);
  FactorSums sums{at::ones({s.rotary / 2}, at::kDouble), at::ones({1}, at::kDouble)};
  const at::Tensor angles = angles_of(s);
  std::vector<double> workspace(factor_tiles(shape).count * (s.rotary / 2 + 1), NAN);
  launch_rope_factor_gradient<T>(HostLauncher(backwards),
                                 {.shape = shape,
                                  .y = data_of<const T>(y) + s.first_column,
                                  .dy = data_of<const T>(dy) + s.first_column,
                                  .dy_token_stride = s.row,
                                  .angles = data_of<const double>(angles),
                                  .scaled = data_of<const uint8_t>(scaled),
                                  .grad_log_factors = data_of<double>(sums.factors),
                                  .grad_log_temperature = data_of<double>(sums.temperature)},
                                 workspace.data());
  return sums;
}

TEST_P(RopeTeam, SumsFactorGradientsAsTheCPU) {
  const Shape s = GetParam();
  const at::Tensor scaled = at::ones({s.tokens}, at::kBool);
  if (s.tokens > 2) scaled[1].zero_();
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor y = random_tensor({s.tokens, s.row}, type, 2),
                     dy = random_tensor({s.tokens, s.row}, type, 3);
    FactorSums cpu{at::ones({s.rotary / 2}, at::kDouble), at::ones({1}, at::kDouble)};
    ops::rope_factor_gradient(
        {view_of(s, y), view_of(s, dy), angles_of(s), scaled, cpu.factors, cpu.temperature, s.interleaved});
    ops::for_activation_type(type, "", [&]<typename T>(T) {
      const FactorSums sums = team_sums<T>(s, y, dy, scaled, false);
      EXPECT_LE(relative_error(sums.factors, cpu.factors), type == at::kDouble ? 1e-12 : 1e-5);
      EXPECT_LE(relative_error(sums.temperature, cpu.temperature), type == at::kDouble ? 1e-12 : 1e-5);
      const FactorSums other_order = team_sums<T>(s, y, dy, scaled, true);
      EXPECT_EQ(max_difference(sums.factors, other_order.factors), 0.0);
      EXPECT_EQ(max_difference(sums.temperature, other_order.temperature), 0.0);
    });
  }
}

// The very same numbers: both are the host's arithmetic here. Start tokens among them, and far positions.
TEST(RopeTableTeam, FillsTheTablesOfTheCPU) {
  const std::vector<int64_t> positions{0, 3, 4, 5, 4097, 2097151};
  for (const int64_t pairs : {1, 24, 64, 2000}) {
    std::vector<double> scaled, plain;
    for (int64_t i = 0; i < pairs; ++i) {
      plain.push_back(std::pow(1e4, -static_cast<double>(i) / static_cast<double>(pairs)));
      scaled.push_back(plain.back() / (1 + static_cast<double>(i)));
    }
    const RopeTableInput input{.scaled = scaled.data(),
                               .plain = plain.data(),
                               .positions = positions.data(),
                               .tokens = static_cast<int64_t>(positions.size()),
                               .pairs = pairs,
                               .temperature = 1.25,
                               .start_tokens = 4};
    const size_t count = positions.size() * static_cast<size_t>(pairs);
    std::vector<float> cos(count), sin(count), cpu_cos(count), cpu_sin(count);
    launch_rope_table(HostLauncher(), input, cos.data(), sin.data());
    fill_rope_table(input, cpu_cos.data(), cpu_sin.data());
    EXPECT_EQ(cos, cpu_cos);
    EXPECT_EQ(sin, cpu_sin);
    std::vector<double> angles(count), cpu_angles(count);
    bool acts[6] = {}, cpu_acts[6] = {};
    launch_rope_angles(HostLauncher(), input, angles.data(), acts);
    fill_rope_angles(input, cpu_angles.data(), cpu_acts);
    EXPECT_EQ(angles, cpu_angles);
    EXPECT_TRUE(std::equal(acts, acts + 6, cpu_acts));
    EXPECT_FALSE(acts[1]);
    EXPECT_TRUE(acts[2]);
  }
}

}  // namespace
}  // namespace ropeway
