// RMSNorm of the heads of a token, [T, H, D]: a weight [D] for all of them.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/norm_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

constexpr double kEps = 1e-3;

at::Tensor naive(const at::Tensor& x, const at::Tensor& weight) {
  return x * (x.square().mean({2}, true) + kEps).rsqrt() * weight;
}

struct Problem {
  at::Tensor x, weight, dy;
};
Problem problem(int64_t tokens, int64_t heads, int64_t dims, at::ScalarType type) {
  return {random_tensor({tokens, heads, dims}, type, 1), random_tensor({dims}, type, 2),
          random_tensor({tokens, heads, dims}, type, 3)};
}

struct Result {
  at::Tensor y, dx, grad_weight;
};
Result run(const Problem& p) {
  const auto acc = p.x.options().dtype(ops::accumulation_type(p.x.scalar_type()));
  Result r{at::empty(p.x.sizes(), p.x.options()), p.dy.clone(), at::zeros({p.x.size(2)}, acc)};
  const at::Tensor rstd = at::empty({p.x.size(0), p.x.size(1)}, acc);
  ops::rms_norm(p.x, p.weight, kEps, r.y, rstd);
  ops::rms_norm_backward({r.dx, p.x, p.weight, rstd, r.dx, false, r.grad_weight});
  return r;
}

// 128: as in Qwen3; 10: a tail only; a single head.
class HeadNormShapes : public ::testing::TestWithParam<std::pair<int64_t, int64_t>> {};
INSTANTIATE_TEST_SUITE_P(HeadsAndDims, HeadNormShapes,
                         ::testing::Values(std::pair{5, 128}, std::pair{3, 10}, std::pair{1, 24}));

TEST_P(HeadNormShapes, EqualsAutogradInF64AndF32) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 2e-6}}) {
    const Problem p = problem(7, GetParam().first, GetParam().second, type);
    const at::Tensor x = p.x.to(at::kDouble, false, true).requires_grad_();
    const at::Tensor weight = p.weight.to(at::kDouble, false, true).requires_grad_();
    const at::Tensor y = naive(x, weight);
    y.backward(p.dy.to(at::kDouble));
    const Result ours = run(p);
    EXPECT_LE(relative_error(ours.y, y.detach()), tolerance);
    EXPECT_LE(relative_error(ours.dx, x.grad()), tolerance);
    EXPECT_LE(relative_error(ours.grad_weight, weight.grad()), tolerance);
  }
}

TEST(HeadNorm, BackwardEqualsCentralDifferences) {
  const Problem p = problem(2, 3, 6, at::kDouble);
  const Result ours = run(p);
  const auto loss = [&] { return (naive(p.x, p.weight) * p.dy).sum().item<double>(); };
  EXPECT_LE(relative_error(ours.dx, central_differences(p.x, 1e-5, loss)), 1e-8);
  EXPECT_LE(relative_error(ours.grad_weight, central_differences(p.weight, 1e-5, loss)), 1e-8);
}

// Heads inside wider rows, as queries and keys lie in a fused projection; what is beside them stays.
TEST(HeadNorm, InPlaceWithinWiderRows) {
  const Problem p = problem(4, 3, 8, at::kFloat);
  const at::Tensor wide = at::full({4, 6, 8}, 5.0, at::kFloat);
  const at::Tensor heads = wide.narrow(1, 1, 3), rstd = at::empty({4, 3}, at::kFloat);
  heads.copy_(p.x);
  ops::rms_norm(heads, p.weight, kEps, heads, rstd);
  EXPECT_EQ(max_difference(heads, run(p).y), 0.0);
  EXPECT_TRUE((wide.narrow(1, 0, 1) == 5).all().item<bool>() &&
              (wide.narrow(1, 4, 2) == 5).all().item<bool>());
}

TEST(HeadNorm, InBF16IsTheRoundedResultOfFloat) {
  const Problem p = problem(4, 3, 64, at::kBFloat16);
  const at::Tensor exact = naive(p.x.to(at::kDouble), p.weight.to(at::kDouble));
  testing::expect_rounded_once(run(p).y, exact, exact.abs() * (16 * 0x1p-24));
}

}  // namespace
}  // namespace ropeway
