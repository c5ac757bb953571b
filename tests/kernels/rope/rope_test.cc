#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <complex>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/rope_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

constexpr int64_t kTokens = 7, kHeads = 3, kHeadDim = 20, kRotary = 16, kPairs = kRotary / 2;
constexpr double kTemperature = 1.25;

// Angles of `tokens` positions from `first` on, base 1e4, no factors.
at::Tensor angles_from(int64_t first, int64_t tokens) {
  const at::Tensor exponents = at::arange(kPairs, at::kDouble) * (-2.0 / kRotary);
  const at::Tensor omega = (exponents * std::log(1e4)).exp();
  return at::outer(at::arange(first, first + tokens, at::kDouble), omega);
}

// Pair (x1, x2) as the complex number x1 + i x2, times m e^(i phi), in long double.
at::Tensor naive_rope(const at::Tensor& x, const at::Tensor& angles, double temperature) {
  const at::Tensor y = x.to(at::kDouble).clone(at::MemoryFormat::Contiguous);
  auto value = y.accessor<double, 3>();
  auto angle = angles.accessor<double, 2>();
  for (int64_t t = 0; t < y.size(0); ++t) {
    for (int64_t h = 0; h < y.size(1); ++h) {
      for (int64_t i = 0; i < angles.size(1); ++i) {
        double &first = value[t][h][i], &second = value[t][h][i + angles.size(1)];
        const auto turned = std::complex<long double>(first, second) *
                            std::polar<long double>(temperature, static_cast<long double>(angle[t][i]));
        first = static_cast<double>(turned.real());
        second = static_cast<double>(turned.imag());
      }
    }
  }
  return y;
}

struct Table {
  at::Tensor cos, sin;
};
Table table_of(const at::Tensor& angles, double temperature, at::ScalarType type) {
  return {(angles.cos() * temperature).to(type), (angles.sin() * temperature).to(type)};
}

at::Tensor rotated(const at::Tensor& x, const at::Tensor& angles, double temperature = kTemperature) {
  const at::Tensor y = x.clone(at::MemoryFormat::Contiguous);
  const Table table = table_of(angles, temperature, ops::accumulation_type(x.scalar_type()));
  ops::rope_(y, table.cos, table.sin);
  return y;
}

// Size of the operands of each output element: what rounding errors before the last are relative to.
at::Tensor pair_magnitude(const at::Tensor& x) {
  const at::Tensor magnitude = x.to(at::kDouble).abs();
  const at::Tensor pair =
      (magnitude.narrow(2, 0, kPairs) + magnitude.narrow(2, kPairs, kPairs)) * kTemperature;
  return at::cat({pair, pair, magnitude.narrow(2, kRotary, kHeadDim - kRotary)}, 2);
}

TEST(Rope, ForwardEqualsComplexRotationInF64) {
  const at::Tensor x = random_tensor({kTokens, kHeads, kHeadDim}, at::kDouble, 1);
  EXPECT_LE(max_difference(rotated(x, angles_from(5, kTokens)),
                           naive_rope(x, angles_from(5, kTokens), kTemperature)),
            4e-15);
}

TEST(Rope, ForwardInF32) {
  const at::Tensor x = random_tensor({kTokens, kHeads, kHeadDim}, at::kFloat, 2);
  const at::Tensor exact = naive_rope(x, angles_from(5, kTokens), kTemperature);
  const at::Tensor error = (rotated(x, angles_from(5, kTokens)).to(at::kDouble) - exact).abs();
  // Roundings of the table entry, the product and the sum: 3 * 2^-24 of the operands.
  EXPECT_LE((error - pair_magnitude(x) * (3 * 0x1p-24)).max().item<double>(), 0.0);
}

TEST(Rope, ForwardInBF16RoundsOnce) {
  const at::Tensor x = random_tensor({kTokens, kHeads, kHeadDim}, at::kBFloat16, 3);
  expect_rounded_once(rotated(x, angles_from(5, kTokens)),
                      naive_rope(x, angles_from(5, kTokens), kTemperature),
                      pair_magnitude(x) * (3 * 0x1p-24));
}

TEST(Rope, DimsBeyondTheRotaryOnesStay) {
  const at::Tensor x = random_tensor({kTokens, kHeads, kHeadDim}, at::kFloat, 4);
  const at::Tensor y = rotated(x, angles_from(5, kTokens));
  EXPECT_EQ(
      max_difference(y.narrow(2, kRotary, kHeadDim - kRotary), x.narrow(2, kRotary, kHeadDim - kRotary)),
      0.0);
}

TEST(Rope, StridedRowsAreRotatedAndNothingElseIsTouched) {
  const int64_t width = kHeads * kHeadDim;
  const at::Tensor buffer = random_tensor({kTokens, 3 * width}, at::kFloat, 5);
  const at::Tensor before = buffer.clone();
  const at::Tensor view = buffer.narrow(1, width, width).view({kTokens, kHeads, kHeadDim});
  const Table table = table_of(angles_from(0, kTokens), 1.0, at::kFloat);
  ops::rope_(view, table.cos, table.sin);
  const at::Tensor wanted = rotated(before.narrow(1, width, width).reshape({kTokens, kHeads, kHeadDim}),
                                    angles_from(0, kTokens), 1.0);
  EXPECT_EQ(max_difference(view, wanted), 0.0);
  EXPECT_EQ(max_difference(buffer.narrow(1, 0, width), before.narrow(1, 0, width)), 0.0);
  EXPECT_EQ(max_difference(buffer.narrow(1, 2 * width, width), before.narrow(1, 2 * width, width)), 0.0);
}

// The last of 2^21 positions: a table from double angles keeps float's accuracy, where float angles would be
// off by 2^21 * 2^-24 = 0.1 radian.
TEST(Rope, LastPositionOfTwoMillion) {
  const at::Tensor angles = angles_from((1 << 21) - 1, 1);
  const at::Tensor x = random_tensor({1, kHeads, kHeadDim}, at::kFloat, 6);
  const at::Tensor error = (rotated(x, angles).to(at::kDouble) - naive_rope(x, angles, kTemperature)).abs();
  EXPECT_LE((error - pair_magnitude(x) * (3 * 0x1p-24)).max().item<double>(), 0.0);
}

// The same formula in tensor operations, for autograd.
at::Tensor autograd_rope(const at::Tensor& x, const at::Tensor& angles, const at::Tensor& temperature) {
  const at::Tensor c = (angles.cos() * temperature).unsqueeze(1),
                   s = (angles.sin() * temperature).unsqueeze(1);
  const at::Tensor x1 = x.narrow(2, 0, kPairs), x2 = x.narrow(2, kPairs, kPairs);
  return at::cat({x1 * c - x2 * s, x1 * s + x2 * c, x.narrow(2, kRotary, x.size(2) - kRotary)}, 2);
}

TEST(Rope, BackwardEqualsAutograd) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-15}, std::pair{at::kFloat, 2e-7}}) {
    const at::Tensor angles = angles_from(100, kTokens);
    const at::Tensor x = random_tensor({kTokens, kHeads, kHeadDim}, at::kDouble, 7).requires_grad_();
    const at::Tensor dy = random_tensor({kTokens, kHeads, kHeadDim}, type, 8);
    autograd_rope(x, angles, at::full({}, kTemperature, at::kDouble)).backward(dy.to(at::kDouble));
    const at::Tensor dx = dy.clone();
    const Table table = table_of(angles, kTemperature, type);
    ops::rope_backward_(dx, table.cos, table.sin);
    EXPECT_LE(relative_error(dx, x.grad()), tolerance);
  }
}

TEST(Rope, BackwardInBF16RoundsOnce) {
  const at::Tensor angles = angles_from(100, kTokens);
  const at::Tensor dy = random_tensor({kTokens, kHeads, kHeadDim}, at::kBFloat16, 8);
  const at::Tensor dx = dy.clone();
  const Table table = table_of(angles, kTemperature, at::kFloat);
  ops::rope_backward_(dx, table.cos, table.sin);
  expect_rounded_once(dx, naive_rope(dy, -angles, kTemperature), pair_magnitude(dy) * (3 * 0x1p-24));
}

// --- The gradient with respect to factors and temperature

struct FactorProblem {
  at::Tensor x = random_tensor({kTokens, kHeads, kHeadDim}, at::kDouble, 11);
  at::Tensor dy = random_tensor({kTokens, kHeads, kHeadDim}, at::kDouble, 12);
  at::Tensor log_factors = random_tensor({kPairs}, at::kDouble, 13, 0.3);
  at::Tensor log_temperature = at::full({1}, std::log(kTemperature), at::kDouble);
  at::Tensor scaled = at::ones({kTokens}, at::kBool);

  FactorProblem() {  // two start tokens
    scaled[0].zero_();
    scaled[1].zero_();
  }
  at::Tensor angles() const {
    const at::Tensor plain = angles_from(3, kTokens), on = scaled.to(at::kDouble).unsqueeze(1);
    return plain * (1 - on) + plain * (-log_factors).exp() * on;
  }
  at::Tensor temperature() const {  // [T, 1]
    const at::Tensor on = scaled.to(at::kDouble).unsqueeze(1);
    return 1 - on + log_temperature.exp() * on;
  }
  at::Tensor y() const { return autograd_rope(x, angles(), temperature()); }
  // A loss whose derivative with respect to y is dy.
  double loss() const { return (y() * dy).sum().item<double>(); }
};

struct FactorGradients {
  at::Tensor log_factors = at::zeros({kPairs}, at::kDouble), log_temperature = at::zeros({1}, at::kDouble);
};
FactorGradients gradients_of(const FactorProblem& p, at::ScalarType type) {
  FactorGradients g;
  ops::rope_factor_gradient(
      {p.y().to(type), p.dy.to(type), p.angles(), p.scaled, g.log_factors, g.log_temperature});
  return g;
}

TEST(RopeFactorGradient, EqualsCentralDifferences) {
  FactorProblem p;
  const FactorGradients g = gradients_of(p, at::kDouble);
  const auto loss = [&] { return p.loss(); };
  EXPECT_LE(relative_error(g.log_factors, central_differences(p.log_factors, 1e-5, loss)), 1e-8);
  EXPECT_LE(relative_error(g.log_temperature, central_differences(p.log_temperature, 1e-5, loss)), 1e-8);
}

TEST(RopeFactorGradient, EqualsAutograd) {
  FactorProblem p;
  const FactorGradients g = gradients_of(p, at::kDouble);
  p.log_factors.requires_grad_();
  p.log_temperature.requires_grad_();
  p.y().backward(p.dy);
  EXPECT_LE(relative_error(g.log_factors, p.log_factors.grad()), 1e-13);
  EXPECT_LE(relative_error(g.log_temperature, p.log_temperature.grad()), 1e-13);
}

// Narrow inputs are rounded, the sums are not: the result is the F64 one of the rounded inputs.
TEST(RopeFactorGradient, SumsInDoubleForNarrowTypes) {
  const FactorProblem p;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const FactorGradients narrow = gradients_of(p, type);
    FactorGradients wide;
    ops::rope_factor_gradient({p.y().to(type).to(at::kDouble), p.dy.to(type).to(at::kDouble), p.angles(),
                               p.scaled, wide.log_factors, wide.log_temperature});
    EXPECT_LE(relative_error(narrow.log_factors, wide.log_factors), 1e-14);
    EXPECT_LE(relative_error(narrow.log_temperature, wide.log_temperature), 1e-14);
  }
}

TEST(RopeFactorGradient, AddsToWhatIsThere) {
  const FactorProblem p;
  const FactorGradients once = gradients_of(p, at::kDouble);
  FactorGradients sum{once.log_factors.clone(), once.log_temperature.clone()};
  ops::rope_factor_gradient({p.y(), p.dy, p.angles(), p.scaled, sum.log_factors, sum.log_temperature});
  EXPECT_LE(relative_error(sum.log_factors, 2 * once.log_factors), 1e-15);
  EXPECT_LE(relative_error(sum.log_temperature, 2 * once.log_temperature), 1e-15);
}

TEST(RopeFactorGradient, ReadsStridedRows) {
  const FactorProblem p;
  const int64_t width = kHeads * kHeadDim;
  const auto padded = [&](const at::Tensor& x, int64_t columns) {
    const at::Tensor buffer = at::full({kTokens, columns}, NAN, at::kDouble);
    const at::Tensor view = buffer.narrow(1, 8, width).view({kTokens, kHeads, kHeadDim});
    view.copy_(x);
    return view;
  };
  const FactorGradients packed = gradients_of(p, at::kDouble);
  FactorGradients strided;
  ops::rope_factor_gradient({padded(p.y(), width + 8), padded(p.dy, width + 24), p.angles(), p.scaled,
                             strided.log_factors, strided.log_temperature});
  EXPECT_EQ(max_difference(packed.log_factors, strided.log_factors), 0.0);
  EXPECT_EQ(max_difference(packed.log_temperature, strided.log_temperature), 0.0);
}

}  // namespace
}  // namespace ropeway
