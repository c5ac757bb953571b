// AdamW's and the sum of squares' device kernels, run on the host, against the CPU kernels.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/optim_ops.h"
#include "kernels/ops/tensor_access.h"
#include "kernels/optim/adamw_team.h"
#include "tests/kernels/host_team.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using ops::data_of;
using namespace testing;

struct State {
  at::Tensor master, moment1, moment2, gradient, weight;
  State clone() const {
    return {master.clone(), moment1.clone(), moment2.clone(), gradient.clone(), weight.clone()};
  }
};

// All arrays start `offset` elements into their memory.
State state_of(int64_t count, int64_t offset, at::ScalarType weight, at::ScalarType acc,
               at::ScalarType moments) {
  const auto part = [&](at::ScalarType type, uint64_t seed) {
    return random_tensor({count + offset}, type, seed).narrow(0, offset, count);
  };
  return {part(acc, 1), part(moments, 2), part(acc, 3).abs().to(moments), part(acc, 4), part(weight, 5)};
}

template <typename T, typename Acc, typename M>
void expect_as_on_the_cpu(const State& start, double weight_decay, double tolerance) {
  const AdamWStep step{.learning_rate = 0.01, .weight_decay = weight_decay, .gradient_scale = 0.5, .step = 3};
  const State team = start, cpu = start.clone();
  launch_adamw<T, Acc, M>(HostLauncher(),
                          {data_of<Acc>(team.master), data_of<M>(team.moment1), data_of<M>(team.moment2),
                           data_of<const Acc>(team.gradient), data_of<T>(team.weight), team.master.numel()},
                          step);
  ops::adamw_step({cpu.master,
                   cpu.moment1,
                   cpu.moment2,
                   cpu.gradient,
                   cpu.weight,
                   {.learning_rate = 0.01, .weight_decay = weight_decay},
                   0.5,
                   3});
  EXPECT_LE(max_difference(team.master, cpu.master), tolerance);
  // The last bit before rounding may differ: a neighbour in BF16 then.
  const double rounding = 0x1p-7 * 4;
  EXPECT_LE(max_difference(team.moment1, cpu.moment1), sizeof(M) == 2 ? rounding : tolerance);
  EXPECT_LE(max_difference(team.moment2, cpu.moment2), sizeof(M) == 2 ? rounding : tolerance);
  EXPECT_LE(max_difference(team.weight, cpu.weight), sizeof(T) == 2 ? rounding : tolerance);
}

TEST(AdamWTeam, AsTheCPU) {
  for (const int64_t count : {1, 4, 1003, 100000}) {
    for (const int64_t offset : {0, 1}) {
      for (const double decay : {0.1, 0.0}) {
        const auto state = [&](auto weight, auto acc, auto moments) {
          return state_of(count, offset, weight, acc, moments);
        };
        const State f64 = state(at::kDouble, at::kDouble, at::kDouble),
                    f32 = state(at::kFloat, at::kFloat, at::kFloat),
                    bf16 = state(at::kBFloat16, at::kFloat, at::kFloat),
                    narrow = state(at::kBFloat16, at::kFloat, at::kBFloat16);
        expect_as_on_the_cpu<double, double, double>(f64, decay, 1e-14);
        expect_as_on_the_cpu<float, float, float>(f32, decay, 1e-6);
        expect_as_on_the_cpu<bfloat16, float, float>(bf16, decay, 1e-6);
        expect_as_on_the_cpu<bfloat16, float, bfloat16>(narrow, decay, 1e-6);
      }
    }
  }
}

TEST(AdamWTeam, WeightMayBeTheMaster) {
  State s = state_of(77, 0, at::kFloat, at::kFloat, at::kFloat);
  s.weight = s.master;
  State apart = s.clone();
  const AdamWStep step{.step = 1};
  const auto run = [&](const State& x) {
    launch_adamw<float, float, float>(
        HostLauncher(),
        {data_of<float>(x.master), data_of<float>(x.moment1), data_of<float>(x.moment2),
         data_of<const float>(x.gradient), data_of<float>(x.weight), 77},
        step);
  };
  run(s);
  run(apart);
  EXPECT_EQ(max_difference(s.master, apart.master), 0.0);
  EXPECT_EQ(max_difference(apart.weight, apart.master), 0.0);
}

TEST(SumOfSquaresTeam, AsTheCPU) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const int64_t count : {0, 1, 5, 1000, 70001}) {
      for (const int64_t offset : {0, 1}) {
        const at::Tensor values = random_tensor({count + offset}, type, 1).narrow(0, offset, count);
        std::vector<double> workspace(cuda::kSumOfSquaresTiles, NAN);
        double sum[2] = {0, 0};
        ops::for_activation_type(type, "", [&]<typename T>(T) {
          for (const bool backwards : {false, true}) {
            launch_sum_of_squares(HostLauncher(backwards), data_of<const T>(values), count, workspace.data(),
                                  &sum[backwards]);
          }
        });
        const double cpu = ops::sum_of_squares(values);
        EXPECT_NEAR(sum[0], cpu, 1e-13 * cpu);
        EXPECT_EQ(sum[0], sum[1]);
      }
    }
  }
}

}  // namespace
}  // namespace ropeway
