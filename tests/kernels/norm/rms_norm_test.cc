#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/norm_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

constexpr double kEps = 1e-3;  // large enough that forgetting it shows

// The definition in tensor operations on F64.
at::Tensor naive(const at::Tensor& x, const at::Tensor& weight) {
  return x * (x.square().mean({1}, true) + kEps).rsqrt() * weight;
}

struct Problem {
  at::Tensor x, weight, dy;
};
Problem problem(int64_t rows, int64_t channels, at::ScalarType type) {
  return {random_tensor({rows, channels}, type, 1), random_tensor({channels}, type, 2),
          random_tensor({rows, channels}, type, 3)};
}

struct Forward {
  at::Tensor y, rstd;
};
Forward forward(const at::Tensor& x, const at::Tensor& weight) {
  Forward f{at::empty(x.sizes(), x.options()),
            at::empty({x.size(0)}, x.options().dtype(ops::accumulation_type(x.scalar_type())))};
  ops::rms_norm(x, weight, kEps, f.y, f.rstd);
  return f;
}

struct Gradients {
  at::Tensor x, weight;
};
Gradients autograd(const Problem& p) {
  const at::Tensor x = p.x.to(at::kDouble, false, true).requires_grad_();
  const at::Tensor weight = p.weight.to(at::kDouble, false, true).requires_grad_();
  naive(x, weight).backward(p.dy.to(at::kDouble));
  return {x.grad(), weight.grad()};
}

Gradients backward(const Problem& p) {
  const Forward f = forward(p.x, p.weight);
  Gradients g{at::empty(p.x.sizes(), p.x.options()), at::zeros({p.x.size(1)}, f.rstd.options())};
  ops::rms_norm_backward({p.dy, p.x, p.weight, f.rstd, g.x, false, g.weight});
  return g;
}

// 192: whole vectors; 37: a tail; 1: a tail only.
class RmsNormWidths : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Channels, RmsNormWidths, ::testing::Values(192, 37, 1));

TEST_P(RmsNormWidths, ForwardInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-15}, std::pair{at::kFloat, 3e-7}}) {
    const Problem p = problem(9, GetParam(), type);
    EXPECT_LE(relative_error(forward(p.x, p.weight).y, naive(p.x.to(at::kDouble), p.weight.to(at::kDouble))),
              tolerance);
  }
}

TEST_P(RmsNormWidths, BackwardEqualsAutogradInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 2e-6}}) {
    const Problem p = problem(70, GetParam(), type);  // more rows than one partial sum holds
    const Gradients ours = backward(p), wanted = autograd(p);
    EXPECT_LE(relative_error(ours.x, wanted.x), tolerance);
    EXPECT_LE(relative_error(ours.weight, wanted.weight), tolerance);
  }
}

TEST(RmsNorm, ForwardInBF16RoundsOnce) {
  const Problem p = problem(9, 192, at::kBFloat16);
  const at::Tensor exact = naive(p.x.to(at::kDouble), p.weight.to(at::kDouble));
  // In float: each of rstd and two products is within a few 2^-24 of the value.
  expect_rounded_once(forward(p.x, p.weight).y, exact, exact.abs() * (16 * 0x1p-24));
}

TEST(RmsNorm, BackwardInBF16RoundsOnceAndSumsWeightGradientInF32) {
  const Problem p = problem(70, 192, at::kBFloat16);
  const Gradients ours = backward(p), wanted = autograd(p);
  const at::Tensor magnitude =
      (p.dy.to(at::kDouble) * p.weight.to(at::kDouble)).abs() + p.x.to(at::kDouble).abs();
  expect_rounded_once(ours.x, wanted.x, magnitude * (32 * 0x1p-24));
  EXPECT_EQ(ours.weight.scalar_type(), at::kFloat);
  EXPECT_LE(relative_error(ours.weight, wanted.weight), 1e-6);
}

TEST(RmsNorm, BackwardEqualsCentralDifferences) {
  const Problem p = problem(3, 10, at::kDouble);
  const Gradients ours = backward(p);
  const auto loss = [&] { return (naive(p.x, p.weight) * p.dy).sum().item<double>(); };
  EXPECT_LE(relative_error(ours.x, central_differences(p.x, 1e-5, loss)), 1e-8);
  EXPECT_LE(relative_error(ours.weight, central_differences(p.weight, 1e-5, loss)), 1e-8);
}

TEST(RmsNorm, RstdIsTheReciprocalRootMeanSquare) {
  const Problem p = problem(5, 64, at::kDouble);
  EXPECT_LE(max_difference(forward(p.x, p.weight).rstd, (p.x.square().mean({1}) + kEps).rsqrt()), 1e-15);
}

TEST(RmsNorm, AccumulateAddsToTheInputGradient) {
  const Problem p = problem(5, 40, at::kDouble);
  const at::Tensor rstd = forward(p.x, p.weight).rstd;
  const at::Tensor start = random_tensor({5, 40}, at::kDouble, 4), dx = start.clone();
  ops::rms_norm_backward({p.dy, p.x, p.weight, rstd, dx, true, at::Tensor()});
  EXPECT_LE(max_difference(dx, start + autograd(p).x), 1e-14);
}

TEST(RmsNorm, WeightGradientIsAddedToWhatIsThere) {
  const Problem p = problem(5, 40, at::kDouble);
  const at::Tensor rstd = forward(p.x, p.weight).rstd;
  const at::Tensor start = random_tensor({40}, at::kDouble, 4), grad_weight = start.clone();
  ops::rms_norm_backward({p.dy, p.x, p.weight, rstd, at::empty_like(p.x), false, grad_weight});
  EXPECT_LE(max_difference(grad_weight, start + autograd(p).weight), 1e-14);
}

TEST(RmsNorm, InputGradientMayReplaceTheOutputGradient) {
  const Problem p = problem(5, 40, at::kFloat);
  const at::Tensor rstd = forward(p.x, p.weight).rstd, apart = at::empty_like(p.x), in_place = p.dy.clone();
  ops::rms_norm_backward({p.dy, p.x, p.weight, rstd, apart, false, at::Tensor()});
  ops::rms_norm_backward({in_place, p.x, p.weight, rstd, in_place, false, at::Tensor()});
  EXPECT_EQ(max_difference(apart, in_place), 0.0);
}

TEST(RmsNorm, StridedRows) {
  const Problem p = problem(6, 24, at::kFloat);
  const auto wide = [](const at::Tensor& rows) {
    const at::Tensor view = at::full({rows.size(0), 50}, NAN, rows.options()).narrow(1, 3, rows.size(1));
    view.copy_(rows);
    return view;
  };
  const Problem strided{wide(p.x), p.weight, wide(p.dy)};
  const at::Tensor y = wide(p.x), dx = wide(p.x), rstd = at::empty({6}, at::kFloat);
  ops::rms_norm(strided.x, p.weight, kEps, y, rstd);
  EXPECT_EQ(max_difference(y, forward(p.x, p.weight).y), 0.0);
  ops::rms_norm_backward({strided.dy, strided.x, p.weight, rstd, dx, false, at::Tensor()});
  EXPECT_EQ(max_difference(dx, backward(p).x), 0.0);
}

}  // namespace
}  // namespace ropeway
