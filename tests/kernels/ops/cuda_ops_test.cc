// Every kernel on a GPU against the same kernel on the CPU, through the operations that the model calls.
// Without a GPU each test is skipped and says why; what the kernels compute is then covered by the
// *_team_test programs, which run the same bodies on the CPU, and what they cannot show (launches, reductions
// through registers and shared memory, streams) is not.
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/ops.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using testing::random_tensor;
using testing::relative_error;

class CudaOps : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override {
    if (const std::string reason = ops::why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
  }
  at::ScalarType type() const { return GetParam(); }
  at::ScalarType acc() const { return ops::accumulation_type(type()); }
  double tolerance() const { return type() == at::kDouble ? 1e-13 : type() == at::kFloat ? 1e-5 : 0x1p-8; }
  at::Tensor random(at::IntArrayRef sizes, uint64_t seed) const { return random_tensor(sizes, type(), seed); }
  at::Tensor random_acc(at::IntArrayRef sizes, uint64_t seed) const {
    return random_tensor(sizes, acc(), seed);
  }
};
INSTANTIATE_TEST_SUITE_P(Types, CudaOps, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16));

using Tensors = std::vector<at::Tensor>;

at::Tensor on_gpu(const at::Tensor& x) { return x.defined() ? x.to(at::Device(at::kCUDA, 0)) : x; }

// Runs the operation on the CPU and on copies on the GPU; all tensors, written ones among them, must agree.
template <typename Operation>
void expect_same_on_gpu(const Tensors& tensors, double tolerance, const Operation& operation) {
  Tensors gpu;
  for (const at::Tensor& x : tensors) gpu.push_back(on_gpu(x));
  operation(tensors);
  operation(gpu);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined() || tensors[i].numel() == 0) continue;
    EXPECT_LE(relative_error(gpu[i].cpu(), tensors[i]), tolerance) << "tensor " << i;
  }
}

// Packed heads, odd ones that no pack fits, and partial rotation.
TEST_P(CudaOps, Rope) {
  for (const auto& [heads, dim, rotary] :
       {std::tuple{40, 128, 128}, std::tuple{3, 10, 6}, std::tuple{4, 96, 48}}) {
    const at::Tensor angles =
        at::outer(at::arange(777, at::kDouble), random_tensor({rotary / 2}, at::kDouble, 1).abs());
    const Tensors tensors{random({777, heads, dim}, 2), angles.cos().to(acc()), angles.sin().to(acc())};
    expect_same_on_gpu(tensors, tolerance(), [](const Tensors& t) { ops::rope_(t[0], t[1], t[2]); });
    expect_same_on_gpu(tensors, tolerance(), [](const Tensors& t) { ops::rope_backward_(t[0], t[1], t[2]); });
    const Tensors sums{random({777, heads, dim}, 3),
                       random({777, heads, dim}, 4),
                       angles,
                       random_tensor({777}, at::kDouble, 5) > 0,
                       at::ones({rotary / 2}, at::kDouble),
                       at::ones({1}, at::kDouble)};
    expect_same_on_gpu(sums, type() == at::kDouble ? 1e-12 : 1e-5, [](const Tensors& t) {
      ops::rope_factor_gradient(t[0], t[1], t[2], t[3], t[4], t[5]);
    });
  }
}

// The GPU's own sines in double precision, rounded once, at positions up to 2M.
TEST_P(CudaOps, RopeTables) {
  const at::Tensor positions = at::arange(0, 1 << 21, 997, at::kLong),
                   rates = at::arange(64, at::kDouble) * -0.14;
  const int64_t tokens = positions.numel();
  const Tensors tensors{positions,
                        (rates - 0.7).exp(),
                        rates.exp(),
                        at::zeros({tokens, 64}, acc()),
                        at::zeros({tokens, 64}, acc()),
                        at::zeros({tokens, 64}, at::kDouble),
                        at::zeros({tokens}, at::kBool)};
  expect_same_on_gpu(tensors, acc() == at::kDouble ? 1e-14 : 1e-7, [](const Tensors& t) {
    const ops::RopeRateTensors of_layer{
        .scaled = t[1], .plain = t[2], .temperature = 1.2, .start_tokens = 2000};
    ops::rope_table(t[0], of_layer, t[3], t[4]);
    ops::rope_angles(t[0], of_layer, t[5], t[6]);
  });
}

TEST_P(CudaOps, RmsNorm) {
  for (const auto& [rows, channels] :
       {std::pair{3000, 4096}, std::pair{3001, 2048}, std::pair{5000, 128}, std::pair{77, 999}}) {
    const at::Tensor x = random({rows, channels}, 1), weight = random({channels}, 2),
                     rstd = random_acc({rows}, 3).abs();
    expect_same_on_gpu({x, weight, random({rows, channels}, 4), rstd}, tolerance(),
                       [](const Tensors& t) { ops::rms_norm(t[0], t[1], 1e-5, t[2], t[3]); });
    for (const bool accumulate : {false, true}) {
      expect_same_on_gpu({random({rows, channels}, 5), x, weight, rstd, random({rows, channels}, 6),
                          at::ones({channels}, acc())},
                         tolerance(), [&](const Tensors& t) {
                           ops::rms_norm_backward(t[0], t[1], t[2], t[3], t[4], accumulate, t[5]);
                         });
    }
    expect_same_on_gpu(
        {random({rows, channels}, 5), x, weight, rstd, random({rows, channels}, 6)}, tolerance(),
        [](const Tensors& t) { ops::rms_norm_backward(t[0], t[1], t[2], t[3], t[4], false, {}); });
  }
}

TEST_P(CudaOps, Swiglu) {
  for (const auto& [rows, width] : {std::pair{1000, 1792}, std::pair{33, 57}}) {
    const at::Tensor gate_up = random({rows, 2 * width}, 1);
    expect_same_on_gpu({gate_up, random({rows, width}, 2)}, tolerance(),
                       [](const Tensors& t) { ops::swiglu(t[0], t[1]); });
    expect_same_on_gpu({random({rows, width}, 3), gate_up, random({rows, 2 * width}, 4)}, tolerance(),
                       [](const Tensors& t) { ops::swiglu_backward(t[0], t[1], t[2]); });
  }
}

TEST_P(CudaOps, MergeAttention) {
  for (const int64_t dim : {128, 64, 6}) {
    const at::Tensor lse = random_acc({2, 5, 300}, 1), lse_block = random_acc({2, 5, 300}, 2);
    lse[0][1][2].fill_(-INFINITY);
    lse_block[1][2][3].fill_(-INFINITY);
    const Tensors tensors{random_acc({2, 300, 5, dim}, 3), lse, random({2, 300, 5, dim}, 4), lse_block};
    expect_same_on_gpu(
        {tensors[0], tensors[2], lse.exp(), lse_block.exp()}, tolerance(), [](const Tensors& t) {
          const at::Tensor log_lse = t[2].log();
          ops::merge_attention_(t[0].transpose(1, 2), log_lse, t[1].transpose(1, 2), t[3].log());
          t[2].copy_(log_lse.exp());
        });
  }
}

TEST_P(CudaOps, LinearCrossEntropy) {
  for (const int64_t vocab : {4096, 1001}) {
    const at::Tensor labels = at::arange(300, at::kLong) * 37 % vocab;
    labels[7].fill_(-100);
    const at::Tensor hidden = random({300, 64}, 1), head = random({vocab, 64}, 2);
    const Tensors tensors{hidden,
                          head,
                          labels,
                          random_acc({300}, 3).abs(),
                          random({300, 64}, 4),
                          at::zeros({vocab, 64}, acc()),
                          at::zeros({300}, acc())};
    // The gradient of the logits is rounded to BF16 on the GPU, for tensor cores; on the CPU it is not.
    expect_same_on_gpu(tensors, 2 * tolerance(), [](const Tensors& t) {
      t[6].copy_(
          ops::linear_cross_entropy_backward(t[0], t[1], t[2], t[3], 0.01, 128, t[4], t[5].view({-1})).nll);
    });
    expect_same_on_gpu({hidden, head, labels, at::zeros({300}, acc()), at::zeros({300}, at::kDouble)},
                       tolerance(), [](const Tensors& t) {
                         const auto scored = ops::linear_cross_entropy(t[0], t[1], t[2], 128);
                         t[3].copy_(scored.nll);
                         t[4].copy_(scored.correct);
                       });
  }
}

TEST_P(CudaOps, Matmul) {
  expect_same_on_gpu({random({65, 40}, 1), random({40, 33}, 2), random_acc({65, 33}, 3)}, tolerance(),
                     [](const Tensors& t) {
                       ops::matmul_add(t[0], t[1], t[2]);
                       ops::matmul(t[0], t[1], t[2]);
                       ops::matmul_add(t[0], t[1], t[2]);
                     });
}

TEST_P(CudaOps, AdamW) {
  for (const int64_t count : {1000003, 5}) {
    const at::ScalarType moments[] = {acc(), type() == at::kDouble ? at::kDouble : at::kBFloat16};
    for (const at::ScalarType moment : moments) {
      const at::Tensor mask = (random_acc({count}, 6) > 0).to(at::kByte);
      expect_same_on_gpu(
          {random_acc({count}, 1), random_tensor({count}, moment, 2), random_tensor({count}, moment, 3).abs(),
           random_acc({count}, 4), random({count}, 5), mask},
          moment == at::kBFloat16 ? 0x1p-8 : tolerance(), [](const Tensors& t) {
            ops::adamw_step(t[0], t[1], t[2], t[3], t[4], t[5], {.weight_decay = 0.1}, 0.5, 3);
          });
    }
  }
}

TEST_P(CudaOps, SumOfSquares) {
  for (const int64_t count : {0, 1, 7, 1000003}) {
    const at::Tensor x = random({count}, 1);
    EXPECT_NEAR(ops::sum_of_squares(on_gpu(x)), ops::sum_of_squares(x), 1e-12 * static_cast<double>(count));
  }
}

// The same call gives the same bits: no sum depends on the order in which blocks happen to finish.
TEST_P(CudaOps, SumsAreReproducible) {
  const at::Tensor x = on_gpu(random({5000, 1024}, 1)), dy = on_gpu(random({5000, 1024}, 2));
  const at::Tensor weight = on_gpu(random({1024}, 3)), rstd = on_gpu(random_acc({5000}, 4));
  const auto gradient = [&] {
    const at::Tensor sum = on_gpu(at::zeros({1024}, acc()));
    ops::rms_norm_backward(dy, x, weight, rstd, dy.clone(), false, sum);
    return sum;
  };
  const at::Tensor first = gradient();
  const double squares = ops::sum_of_squares(x.view({-1}));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(gradient().equal(first));
    EXPECT_EQ(ops::sum_of_squares(x.view({-1})), squares);
  }
}

// 524,289 rows of 4,096: the last row begins past 2^31 elements.
TEST_P(CudaOps, RowsPastTwoToThe31) {
  if (type() != at::kBFloat16) GTEST_SKIP() << "BF16 only: 4.3 GB";
  const int64_t rows = (1 << 19) + 1;
  const at::Tensor x = at::ones({rows, 4096}, on_gpu(at::ones({1}, type())).options());
  const at::Tensor rstd = at::zeros({rows}, x.options().dtype(at::kFloat)), weight = x[0].clone();
  x[rows - 1].fill_(2);
  ops::rms_norm(x, weight, 0.0, x, rstd);
  EXPECT_EQ(x[rows - 1].sum().item<float>(), 4096);
  EXPECT_EQ(rstd[rows - 1].item<float>(), 0.5f);
  EXPECT_EQ(rstd[0].item<float>(), 1.0f);
}

}  // namespace
}  // namespace ropeway
