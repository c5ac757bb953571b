#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using testing::max_difference;
using testing::random_tensor;
using testing::relative_error;

constexpr int64_t kCount = 1003;  // no multiple of a vector
const ops::AdamWOptions kOptions{
    .learning_rate = 1e-2, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1};

struct State {
  at::Tensor master, moment1, moment2;
};
State fresh(at::ScalarType type) {
  return {random_tensor({kCount}, type, 1), at::zeros({kCount}, type), at::zeros({kCount}, type)};
}
at::Tensor gradient_of_step(int64_t step, at::ScalarType type) {
  return random_tensor({kCount}, type, 100 + step, 3.0);
}

void expect_same_state(const State& ours, const State& wanted, double tolerance) {
  EXPECT_LE(relative_error(ours.master, wanted.master), tolerance);
  EXPECT_LE(relative_error(ours.moment1, wanted.moment1), tolerance);
  EXPECT_LE(relative_error(ours.moment2, wanted.moment2), tolerance);
}

TEST(AdamW, FiveStepsEqualTorch) {
  for (const auto& [type, tolerance] : {std::pair{at::kDouble, 1e-14}, std::pair{at::kFloat, 3e-7}}) {
    State ours = fresh(type), theirs = fresh(type);
    for (int64_t step = 1; step <= 5; ++step) {
      const at::Tensor gradient = gradient_of_step(step, type);
      ops::adamw_step(ours.master, ours.moment1, ours.moment2, gradient, ours.master, at::Tensor(), kOptions,
                      1.0, step);
      at::_fused_adamw_({theirs.master}, {gradient.clone()}, {theirs.moment1}, {theirs.moment2}, {},
                        {at::full({}, static_cast<double>(step), at::kFloat)}, kOptions.learning_rate,
                        kOptions.beta1, kOptions.beta2, kOptions.weight_decay, kOptions.eps, false, false);
    }
    expect_same_state(ours, theirs, tolerance);
  }
}

// The formula once more, in double tensor operations, for what torch's operator has no option for.
void naive_step(State& s, const at::Tensor& gradient, const at::Tensor& decay, int64_t step) {
  const ops::AdamWOptions& o = kOptions;
  s.master = s.master * (1 - o.learning_rate * o.weight_decay * decay);
  s.moment1 = o.beta1 * s.moment1 + (1 - o.beta1) * gradient;
  s.moment2 = o.beta2 * s.moment2 + (1 - o.beta2) * gradient.square();
  const at::Tensor m = s.moment1 / (1 - std::pow(o.beta1, step)),
                   v = s.moment2 / (1 - std::pow(o.beta2, step));
  s.master = s.master - o.learning_rate * m / (v.sqrt() + o.eps);
}

TEST(AdamW, MaskSaysWhereWeightsDecay) {
  const at::Tensor mask = at::zeros({kCount}, at::kByte);
  mask.narrow(0, 300, 400).fill_(1);
  State ours = fresh(at::kDouble), wanted = fresh(at::kDouble);
  for (int64_t step = 1; step <= 3; ++step) {
    const at::Tensor gradient = gradient_of_step(step, at::kDouble);
    ops::adamw_step(ours.master, ours.moment1, ours.moment2, gradient, ours.master, mask, kOptions, 1.0,
                    step);
    naive_step(wanted, gradient, mask.to(at::kDouble), step);
  }
  expect_same_state(ours, wanted, 1e-14);
}

TEST(AdamW, GradientIsScaledFirst) {
  State ours = fresh(at::kDouble), wanted = fresh(at::kDouble);
  const at::Tensor gradient = gradient_of_step(1, at::kDouble);
  ops::adamw_step(ours.master, ours.moment1, ours.moment2, gradient, ours.master, at::Tensor(), kOptions,
                  0.125, 1);
  ops::adamw_step(wanted.master, wanted.moment1, wanted.moment2, gradient * 0.125, wanted.master,
                  at::Tensor(), kOptions, 1.0, 1);
  EXPECT_EQ(max_difference(ours.master, wanted.master), 0.0);
  EXPECT_EQ(max_difference(ours.moment2, wanted.moment2), 0.0);
}

TEST(AdamW, NarrowWeightIsTheRoundedMaster) {
  State s = fresh(at::kFloat);
  const at::Tensor weight = at::zeros({kCount}, at::kBFloat16);
  ops::adamw_step(s.master, s.moment1, s.moment2, gradient_of_step(1, at::kFloat), weight, at::Tensor(),
                  kOptions, 1.0, 1);
  EXPECT_TRUE(weight.equal(s.master.to(at::kBFloat16)));
}

TEST(AdamW, SeparateWeightLeavesTheMastersTheSame) {
  State apart = fresh(at::kFloat), alias = fresh(at::kFloat);
  const at::Tensor weight = at::zeros({kCount}, at::kFloat), gradient = gradient_of_step(1, at::kFloat);
  ops::adamw_step(apart.master, apart.moment1, apart.moment2, gradient, weight, at::Tensor(), kOptions, 1.0,
                  1);
  ops::adamw_step(alias.master, alias.moment1, alias.moment2, gradient, alias.master, at::Tensor(), kOptions,
                  1.0, 1);
  EXPECT_TRUE(apart.master.equal(alias.master));
  EXPECT_TRUE(weight.equal(alias.master));
}

TEST(SumOfSquares, EqualsLongDoubleSum) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor x = random_tensor({100003}, type, 5);
    const at::Tensor wide = x.to(at::kDouble);
    long double sum = 0;
    for (int64_t i = 0; i < wide.numel(); ++i) {
      const long double value = wide.data_ptr<double>()[i];
      sum += value * value;
    }
    EXPECT_NEAR(ops::sum_of_squares(x) / static_cast<double>(sum), 1.0, 1e-14);
  }
}

// In F32 the sum of 2^24 + 1 ones would stop at 2^24, and the square of 1e20 overflows.
TEST(SumOfSquares, NeitherSaturatesNorOverflowsInF32) {
  EXPECT_EQ(ops::sum_of_squares(at::full({(1 << 24) + 1}, 1.0, at::kFloat)), (1 << 24) + 1);
  EXPECT_NEAR(ops::sum_of_squares(at::full({4}, 1e20, at::kFloat)), 4e40, 1e34);
}

TEST(SumOfSquares, NonFiniteElementsMakeItNonFinite) {
  for (const double bad :
       {static_cast<double>(NAN), static_cast<double>(INFINITY), -static_cast<double>(INFINITY)}) {
    const at::Tensor x = random_tensor({5000}, at::kFloat, 6);
    x[4321].fill_(bad);
    EXPECT_FALSE(std::isfinite(ops::sum_of_squares(x)));
  }
}

}  // namespace
}  // namespace ropeway
