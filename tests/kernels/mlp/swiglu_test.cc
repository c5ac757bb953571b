#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sigmoid.h>

#include "kernels/ops/mlp_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

at::Tensor naive(const at::Tensor& gate_up) {
  const int64_t width = gate_up.size(1) / 2;
  const at::Tensor gate = gate_up.narrow(1, 0, width), up = gate_up.narrow(1, width, width);
  return gate / ((-gate).exp() + 1) * up;
}

at::Tensor forward(const at::Tensor& gate_up) {
  const at::Tensor out = at::empty({gate_up.size(0), gate_up.size(1) / 2}, gate_up.options());
  ops::swiglu(gate_up, out);
  return out;
}

at::Tensor backward(const at::Tensor& d_out, const at::Tensor& gate_up) {
  const at::Tensor d_gate_up = at::empty(gate_up.sizes(), gate_up.options());
  ops::swiglu_backward(d_out, gate_up, d_gate_up);
  return d_gate_up;
}

at::Tensor autograd(const at::Tensor& d_out, const at::Tensor& gate_up) {
  const at::Tensor leaf = gate_up.to(at::kDouble, false, true).requires_grad_();
  naive(leaf).backward(d_out.to(at::kDouble));
  return leaf.grad();
}

// 512: whole vectors; 37: with a tail. Spread 4: both ends of the sigmoid.
class SwigluWidths : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Widths, SwigluWidths, ::testing::Values(512, 37));

TEST_P(SwigluWidths, ForwardInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-15}, std::pair{at::kFloat, 2e-7}}) {
    const at::Tensor gate_up = random_tensor({5, 2 * GetParam()}, type, 1, 4.0);
    EXPECT_LE(relative_error(forward(gate_up), naive(gate_up.to(at::kDouble))), tolerance);
  }
}

TEST_P(SwigluWidths, BackwardEqualsAutogradInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-15}, std::pair{at::kFloat, 3e-7}}) {
    const at::Tensor gate_up = random_tensor({5, 2 * GetParam()}, type, 1, 4.0);
    const at::Tensor d_out = random_tensor({5, GetParam()}, type, 2);
    EXPECT_LE(relative_error(backward(d_out, gate_up), autograd(d_out, gate_up)), tolerance);
  }
}

TEST(Swiglu, BackwardEqualsCentralDifferences) {
  const at::Tensor gate_up = random_tensor({3, 12}, at::kDouble, 1, 2.0),
                   d_out = random_tensor({3, 6}, at::kDouble, 2);
  const at::Tensor wanted =
      central_differences(gate_up, 1e-5, [&] { return (naive(gate_up) * d_out).sum().item<double>(); });
  EXPECT_LE(relative_error(backward(d_out, gate_up), wanted), 1e-8);
}

TEST(Swiglu, ForwardInBF16RoundsOnce) {
  const at::Tensor gate_up = random_tensor({5, 128}, at::kBFloat16, 1, 4.0);
  const at::Tensor exact = naive(gate_up.to(at::kDouble));
  expect_rounded_once(forward(gate_up), exact, exact.abs() * (8 * 0x1p-24));
}

TEST(Swiglu, BackwardInBF16RoundsOnce) {
  const at::Tensor gate_up = random_tensor({5, 128}, at::kBFloat16, 1, 4.0);
  const at::Tensor d_out = random_tensor({5, 64}, at::kBFloat16, 2);
  const at::Tensor exact = autograd(d_out, gate_up);
  // 1 + g * (1 - s) cancels where the derivative of silu crosses zero: errors are relative to its terms.
  const at::Tensor magnitude =
      d_out.to(at::kDouble).abs().repeat({1, 2}) * (1 + gate_up.to(at::kDouble).abs()).square();
  expect_rounded_once(backward(d_out, gate_up), exact, magnitude.max() * (8 * 0x1p-24));
}

TEST(Swiglu, ExtremeGatesStayFinite) {
  const at::Tensor gate_up = at::full({2, 2}, 1.0, at::kFloat);
  gate_up[0][0].fill_(1000.0);
  gate_up[1][0].fill_(-1000.0);
  const at::Tensor out = forward(gate_up), d = backward(at::full({2, 1}, 1.0, at::kFloat), gate_up);
  EXPECT_EQ(out[0][0].item<float>(), 1000.0f);
  EXPECT_NEAR(out[1][0].item<float>(), 0.0f, 1e-30f);
  EXPECT_EQ(d[0][0].item<float>(), 1.0f);
  EXPECT_NEAR(d[1][0].item<float>(), 0.0f, 1e-30f);
}

TEST(Swiglu, GradientMayReplaceTheInput) {
  const at::Tensor gate_up = random_tensor({5, 74}, at::kFloat, 1),
                   d_out = random_tensor({5, 37}, at::kFloat, 2);
  const at::Tensor apart = backward(d_out, gate_up), in_place = gate_up.clone();
  ops::swiglu_backward(d_out, in_place, in_place);
  EXPECT_EQ(max_difference(apart, in_place), 0.0);
}

TEST(Swiglu, StridedRows) {
  const at::Tensor gate_up = random_tensor({4, 20}, at::kFloat, 1),
                   d_out = random_tensor({4, 10}, at::kFloat, 2);
  const auto wide = [](const at::Tensor& rows) {
    const at::Tensor view = at::full({rows.size(0), 45}, NAN, rows.options()).narrow(1, 5, rows.size(1));
    view.copy_(rows);
    return view;
  };
  const at::Tensor out = wide(d_out), d_gate_up = wide(gate_up);
  ops::swiglu(wide(gate_up), out);
  EXPECT_EQ(max_difference(out, forward(gate_up)), 0.0);
  ops::swiglu_backward(wide(d_out), wide(gate_up), d_gate_up);
  EXPECT_EQ(max_difference(d_gate_up, backward(d_out, gate_up)), 0.0);
}

// gelu with tanh, written as its definition.
TEST(Geglu, IsTheDefinitionAndItsDerivative) {
  const at::Tensor gate_up = random_tensor({7, 22}, at::kDouble, 1, 2.0);
  const at::Tensor d_out = random_tensor({7, 11}, at::kDouble, 2);
  const auto defined = [](const at::Tensor& x) {
    const at::Tensor gate = x.narrow(1, 0, 11), up = x.narrow(1, 11, 11);
    const at::Tensor inner = (gate + gate.pow(3) * 0.044715) * std::sqrt(2 / std::acos(-1.0));
    return gate * 0.5 * (inner.tanh() + 1) * up;
  };
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 1e-6}}) {
    const at::Tensor x = gate_up.to(type), out = at::empty({7, 11}, type), d = at::empty({7, 22}, type);
    ops::swiglu(x, out, GateActivation::kGeluTanh);
    EXPECT_LE(relative_error(out, defined(x.to(at::kDouble))), tolerance);
    ops::swiglu_backward(d_out.to(type), x, d, GateActivation::kGeluTanh);
    const at::Tensor leaf = x.to(at::kDouble).clone().requires_grad_();
    (defined(leaf) * d_out.to(type).to(at::kDouble)).sum().backward();
    EXPECT_LE(relative_error(d, leaf.grad()), tolerance);
  }
}

}  // namespace
}  // namespace ropeway
