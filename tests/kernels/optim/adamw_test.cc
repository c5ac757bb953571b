#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/optim_ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

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
      ops::adamw_step({ours.master, ours.moment1, ours.moment2, gradient, ours.master, kOptions, 1.0, step});
      at::_fused_adamw_({theirs.master}, {gradient.clone()}, {theirs.moment1}, {theirs.moment2}, {},
                        {at::full({}, static_cast<double>(step), at::kFloat)}, kOptions.learning_rate,
                        kOptions.beta1, kOptions.beta2, kOptions.weight_decay, kOptions.eps, false, false);
    }
    expect_same_state(ours, theirs, tolerance);
  }
}

// The formula once more, in double tensor operations, for what torch's operator has no option for.
void naive_step(State& s, const at::Tensor& gradient, double weight_decay, int64_t step) {
  const ops::AdamWOptions& o = kOptions;
  s.master = s.master * (1 - o.learning_rate * weight_decay);
  s.moment1 = o.beta1 * s.moment1 + (1 - o.beta1) * gradient;
  s.moment2 = o.beta2 * s.moment2 + (1 - o.beta2) * gradient.square();
  const at::Tensor m = s.moment1 / (1 - std::pow(o.beta1, step)),
                   v = s.moment2 / (1 - std::pow(o.beta2, step));
  s.master = s.master - o.learning_rate * m / (v.sqrt() + o.eps);
}

TEST(AdamW, WeightsMayNotDecay) {
  ops::AdamWOptions options = kOptions;
  options.weight_decay = 0;
  State ours = fresh(at::kDouble), wanted = fresh(at::kDouble);
  for (int64_t step = 1; step <= 3; ++step) {
    const at::Tensor gradient = gradient_of_step(step, at::kDouble);
    ops::adamw_step({ours.master, ours.moment1, ours.moment2, gradient, ours.master, options, 1.0, step});
    naive_step(wanted, gradient, 0, step);
  }
  expect_same_state(ours, wanted, 1e-14);
}

// Cut anywhere, so that vectors begin and end elsewhere: not a bit may change, for shares of ranks and runs
// of weight decay are such parts.
TEST(AdamW, StepsOfPartsAreTheStepOfTheWhole) {
  for (const auto& [acc, weights, moments] :
       {std::tuple{at::kDouble, at::kDouble, at::kDouble}, std::tuple{at::kFloat, at::kFloat, at::kFloat},
        std::tuple{at::kFloat, at::kBFloat16, at::kFloat},
        std::tuple{at::kFloat, at::kBFloat16, at::kBFloat16}}) {
    for (const int64_t part : {1, 2, 7, 64, 501}) {
      State whole = fresh(acc), parts = fresh(acc);
      for (State* s : {&whole, &parts}) {
        s->moment1 = s->moment1.to(moments);
        s->moment2 = s->moment2.to(moments);
      }
      const at::Tensor weight_of_whole = at::zeros({kCount}, weights),
                       weight_of_parts = at::zeros({kCount}, weights);
      for (int64_t step = 1; step <= 3; ++step) {
        const at::Tensor gradient = gradient_of_step(step, acc);
        ops::adamw_step(
            {whole.master, whole.moment1, whole.moment2, gradient, weight_of_whole, kOptions, 0.3, step});
        for (int64_t begin = 0; begin < kCount; begin += part) {
          const auto cut = [&](const at::Tensor& flat) {
            return flat.narrow(0, begin, std::min(part, kCount - begin));
          };
          ops::adamw_step({cut(parts.master), cut(parts.moment1), cut(parts.moment2), cut(gradient),
                           cut(weight_of_parts), kOptions, 0.3, step});
        }
      }
      EXPECT_TRUE(parts.master.equal(whole.master)) << part;
      EXPECT_TRUE(parts.moment1.equal(whole.moment1)) << part;
      EXPECT_TRUE(parts.moment2.equal(whole.moment2)) << part;
      EXPECT_TRUE(weight_of_parts.equal(weight_of_whole)) << part;
    }
  }
}

TEST(AdamW, GradientIsScaledFirst) {
  State ours = fresh(at::kDouble), wanted = fresh(at::kDouble);
  const at::Tensor gradient = gradient_of_step(1, at::kDouble);
  ops::adamw_step({ours.master, ours.moment1, ours.moment2, gradient, ours.master, kOptions, 0.125, 1});
  ops::adamw_step(
      {wanted.master, wanted.moment1, wanted.moment2, gradient * 0.125, wanted.master, kOptions, 1.0, 1});
  EXPECT_EQ(max_difference(ours.master, wanted.master), 0.0);
  EXPECT_EQ(max_difference(ours.moment2, wanted.moment2), 0.0);
}

TEST(AdamW, NarrowWeightIsTheRoundedMaster) {
  State s = fresh(at::kFloat);
  const at::Tensor weight = at::zeros({kCount}, at::kBFloat16);
  ops::adamw_step(
      {s.master, s.moment1, s.moment2, gradient_of_step(1, at::kFloat), weight, kOptions, 1.0, 1});
  EXPECT_TRUE(weight.equal(s.master.to(at::kBFloat16)));
}

TEST(AdamW, SeparateWeightLeavesTheMastersTheSame) {
  State apart = fresh(at::kFloat), alias = fresh(at::kFloat);
  const at::Tensor weight = at::zeros({kCount}, at::kFloat), gradient = gradient_of_step(1, at::kFloat);
  ops::adamw_step({apart.master, apart.moment1, apart.moment2, gradient, weight, kOptions, 1.0, 1});
  ops::adamw_step({alias.master, alias.moment1, alias.moment2, gradient, alias.master, kOptions, 1.0, 1});
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

TEST(FindNonFinite, CountsThemAndNamesTheFirstAndTheLast) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor x = at::ones({(int64_t{1} << 22) + 1000}, type);  // more than one chunk
    EXPECT_EQ(ops::find_non_finite(x).count, 0);
    EXPECT_EQ(ops::find_non_finite(x).first, -1);
    x[17] = std::numeric_limits<double>::infinity();
    x[(int64_t{1} << 22) + 3] = std::nan("");
    x[(int64_t{1} << 22) + 4] = -std::numeric_limits<double>::infinity();
    const ops::NonFinite found = ops::find_non_finite(x);
    EXPECT_EQ(found.count, 3);
    EXPECT_EQ(found.first, 17);
    EXPECT_EQ(found.last, (int64_t{1} << 22) + 4);
  }
  EXPECT_EQ(ops::find_non_finite(at::full({8}, 1e200, at::kDouble)).count, 0) << "its square is infinite";
  EXPECT_EQ(ops::find_non_finite(at::empty({0}, at::kFloat)).count, 0);
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
