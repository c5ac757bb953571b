// Every kernel on a GPU against the same kernel on the CPU, through the operations that the model calls.
// Without a GPU each test is skipped and says why; what the kernels compute is then covered by the
// *_team_test programs, which run the same bodies on the CPU, and what they cannot show (launches, reductions
// through registers and shared memory, streams) is not.
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/attention_ops.h"
#include "kernels/ops/embedding_ops.h"
#include "kernels/ops/loss_ops.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/mlp_ops.h"
#include "kernels/ops/norm_ops.h"
#include "kernels/ops/optim_ops.h"
#include "kernels/ops/rope_ops.h"
#include "tests/kernels/ops/cuda_case.h"

namespace ropeway {
namespace {

using namespace testing;

INSTANTIATE_TEST_SUITE_P(Types, CudaOps, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16));

using Tensors = std::vector<at::Tensor>;

// Runs the operation on the CPU and on copies on the GPU; all tensors, written ones among them, must agree.
template <typename Operation>
void expect_same_on_gpu(const Tensors& tensors, double tolerance, const Operation& operation) {
  Tensors gpu;
  for (const at::Tensor& x : tensors) gpu.push_back(on_gpu(x));
  operation(tensors);
  operation(gpu);
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined() || tensors[i].numel() == 0) continue;
    const at::Tensor wanted = tensors[i].to(at::kDouble);
    const double error = (gpu[i].cpu().to(at::kDouble) - wanted).norm().item<double>();
    EXPECT_LE(error, tolerance * wanted.norm().item<double>()) << "tensor " << i;  // exactly 0 where all are
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
      ops::rope_factor_gradient({t[0], t[1], t[2], t[3], t[4], t[5]});
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

// Queries and keys where the model has them: heads of the fused projection, whose rows go on behind them.
struct HeadsInRows {
  int64_t tokens, queries, keys, dim;
  int64_t width() const { return (queries + 2 * keys) * dim; }
  at::Tensor heads(const at::Tensor& qkv, int64_t first, int64_t count) const {
    return qkv.view({tokens, queries + 2 * keys, dim}).narrow(1, first, count);
  }
  at::Tensor q(const at::Tensor& qkv) const { return heads(qkv, 0, queries); }
  at::Tensor k(const at::Tensor& qkv) const { return heads(qkv, queries, keys); }
};
const HeadsInRows kHeadsInRows[] = {{1, 4, 2, 64},  {301, 32, 8, 128}, {65, 6, 3, 80},
                                    {64, 5, 1, 96}, {33, 3, 1, 10},    {2050, 16, 8, 128}};

TEST_P(CudaOps, RopeInPlaceInTheProjection) {
  for (const HeadsInRows& h : kHeadsInRows) {
    const at::Tensor angles =
        at::outer(at::arange(h.tokens, at::kDouble), random_tensor({h.dim / 2}, at::kDouble, 1).abs());
    expect_same_on_gpu({random({h.tokens, h.width()}, 2), angles.cos().to(acc()), angles.sin().to(acc())},
                       tolerance(), [&](const Tensors& t) {
                         const at::Tensor rotated = h.heads(t[0], 0, h.queries + h.keys);
                         ops::rope_(rotated, t[1], t[2]);
                         ops::rope_backward_(rotated.narrow(0, h.tokens / 2, h.tokens - h.tokens / 2),
                                             t[1].narrow(0, h.tokens / 2, h.tokens - h.tokens / 2),
                                             t[2].narrow(0, h.tokens / 2, h.tokens - h.tokens / 2));
                       });
  }
}

TEST_P(CudaOps, HeadNorms) {
  for (const HeadsInRows& h : kHeadsInRows) {
    const Tensors tensors{random({h.tokens, h.width()}, 1), random({h.dim}, 2), random({h.dim}, 3),
                          random_acc({h.tokens, h.queries}, 4), random_acc({h.tokens, h.keys}, 5)};
    const at::Tensor x = tensors[0].clone();
    expect_same_on_gpu(tensors, tolerance(), [&](const Tensors& t) {  // in place, as forward has it
      ops::rms_norm(h.q(t[0]), t[1], 1e-6, h.q(t[0]), t[3]);
      ops::rms_norm(h.k(t[0]), t[2], 1e-6, h.k(t[0]), t[4]);
    });
    for (const bool with_weights : {true, false}) {
      const at::Tensor none;
      expect_same_on_gpu(
          {random({h.tokens, h.width()}, 6), x, tensors[1], tensors[2], tensors[3], tensors[4],
           with_weights ? at::ones({h.dim}, acc()) : none, with_weights ? at::ones({h.dim}, acc()) : none},
          tolerance(), [&](const Tensors& t) {
            ops::rms_norm_backward({h.q(t[0]), h.q(t[1]), t[2], t[4], h.q(t[0]), false, t[6]});
            ops::rms_norm_backward({h.k(t[0]), h.k(t[1]), t[3], t[5], h.k(t[0]), false, t[7]});
          });
    }
  }
}

// One row; rows of whole packs and odd ones; warps and blocks; 12,288 sums of 4 bytes, which are the shared
// memory a launch has unless it asks for more.
TEST_P(CudaOps, RmsNorm) {
  for (const auto& [rows, channels] : {std::pair{1, 4096}, std::pair{300, 4096}, std::pair{3001, 2048},
                                       std::pair{5000, 128}, std::pair{77, 999}, std::pair{40, 12288}}) {
    const at::Tensor x = random({rows, channels}, 1), weight = random({channels}, 2),
                     rstd = random_acc({rows}, 3).abs();
    expect_same_on_gpu({x, weight, random({rows, channels}, 4), rstd}, tolerance(),
                       [](const Tensors& t) { ops::rms_norm(t[0], t[1], 1e-5, t[2], t[3]); });
    for (const bool accumulate : {false, true}) {
      expect_same_on_gpu({random({rows, channels}, 5), x, weight, rstd, random({rows, channels}, 6),
                          at::ones({channels}, acc())},
                         tolerance(), [&](const Tensors& t) {
                           ops::rms_norm_backward({t[0], t[1], t[2], t[3], t[4], accumulate, t[5]});
                         });
    }
    expect_same_on_gpu({random({rows, channels}, 5), x, weight, rstd, random({rows, channels}, 6)},
                       tolerance(), [](const Tensors& t) {
                         ops::rms_norm_backward({t[0], t[1], t[2], t[3], t[4], false, {}});
                       });
  }
}

// Tiles of a matrix with more columns, from a row on whose address fits no pack.
TEST_P(CudaOps, NormsAndSwigluOnPartsOfRows) {
  for (const int64_t first : {0, 8, 3}) {
    const auto part = [first](const at::Tensor& x, int64_t columns) {
      return x.narrow(0, 1, 70).narrow(1, first, columns);
    };
    expect_same_on_gpu({random({72, 530}, 1), random({512}, 2), random({72, 530}, 3), random_acc({70}, 4),
                        random({72, 530}, 5), at::ones({512}, acc())},
                       tolerance(), [&](const Tensors& t) {
                         ops::rms_norm(part(t[0], 512), t[1], 1e-5, part(t[2], 512), t[3]);
                         ops::rms_norm_backward(
                             {part(t[4], 512), part(t[0], 512), t[1], t[3], part(t[4], 512), false, t[5]});
                       });
    expect_same_on_gpu({random({72, 530}, 1), random({72, 530}, 2), random({72, 530}, 3)}, tolerance(),
                       [&](const Tensors& t) {
                         ops::swiglu(part(t[0], 512), part(t[1], 256));
                         ops::swiglu_backward(part(t[1], 256), part(t[0], 512), part(t[2], 512));
                       });
  }
}

TEST_P(CudaOps, Swiglu) {
  for (const auto& [rows, width] : {std::pair{1, 1792}, std::pair{1000, 1792}, std::pair{33, 57}}) {
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
  for (const int64_t vocab : {4096, 1001, 1004}) {
    const at::Tensor labels = at::arange(300, at::kLong) * 37 % vocab;
    const at::Tensor hidden = random({300, 64}, 1), head = random({vocab, 64}, 2);
    const at::Tensor likeliest = hidden.to(at::kDouble).matmul(head.to(at::kDouble).t()).argmax(1);
    labels.narrow(0, 0, 100).copy_(likeliest.narrow(0, 0, 100));  // that `correct` is not always false
    labels[7].fill_(kIgnoredLabel);
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
          ops::linear_cross_entropy_backward({t[0], t[1], t[2], t[3], 0.01, 128, t[4], t[5].view({-1})}).nll);
    });
    expect_same_on_gpu({hidden, head, labels, at::zeros({300}, acc()), at::zeros({300}, at::kDouble)},
                       tolerance(), [](const Tensors& t) {
                         const auto scored = ops::linear_cross_entropy(t[0], t[1], t[2], 128);
                         t[3].copy_(scored.nll);
                         t[4].copy_(scored.correct);
                       });
  }
}

TEST_P(CudaOps, EmbeddingGradient) {
  const at::Tensor tokens = at::arange(3000, at::kLong) * 7919 % 50;  // each some 60 times
  const Tensors tensors{random({3000, 131}, 1), tokens, random_acc({64, 130}, 2)};
  expect_same_on_gpu(tensors, type() == at::kDouble ? 1e-13 : 1e-6,
                     [](const Tensors& t) { ops::embedding_gradient(t[0].narrow(1, 1, 130), t[1], t[2]); });
  const auto again = [&] {
    const at::Tensor sum = on_gpu(at::zeros({64, 130}, acc()));
    ops::embedding_gradient(on_gpu(tensors[0]).narrow(1, 1, 130), on_gpu(tokens), sum);
    return sum;
  };
  const at::Tensor first = again();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(again().equal(first));
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
      expect_same_on_gpu(
          {random_acc({count}, 1), random_tensor({count}, moment, 2), random_tensor({count}, moment, 3).abs(),
           random_acc({count}, 4), random({count}, 5)},
          moment == at::kBFloat16 ? 0x1p-8 : tolerance(), [](const Tensors& t) {
            ops::adamw_step({t[0], t[1], t[2], t[3], t[4], {.weight_decay = 0.1}, 0.5, 3});
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

TEST_P(CudaOps, FactorSumsAreReproducible) {
  const at::Tensor y = on_gpu(random({3000, 40, 128}, 1)), dy = on_gpu(random({3000, 40, 128}, 2)),
                   angles = on_gpu(random_tensor({3000, 64}, at::kDouble, 3)),
                   scaled = on_gpu(at::ones({3000}, at::kBool));
  const auto sums = [&] {
    const at::Tensor both = on_gpu(at::zeros({65}, at::kDouble));
    ops::rope_factor_gradient({y, dy, angles, scaled, both.narrow(0, 0, 64), both.narrow(0, 64, 1)});
    return both;
  };
  const at::Tensor first = sums();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(sums().equal(first));
}

// The same call gives the same bits: no sum depends on the order in which blocks happen to finish.
TEST_P(CudaOps, SumsAreReproducible) {
  const at::Tensor x = on_gpu(random({5000, 1024}, 1)), dy = on_gpu(random({5000, 1024}, 2));
  const at::Tensor weight = on_gpu(random({1024}, 3)), rstd = on_gpu(random_acc({5000}, 4));
  const auto gradient = [&] {
    const at::Tensor sum = on_gpu(at::zeros({1024}, acc()));
    ops::rms_norm_backward({dy, x, weight, rstd, dy.clone(), false, sum});
    return sum;
  };
  const at::Tensor first = gradient();
  const double squares = ops::sum_of_squares(x.view({-1}));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(gradient().equal(first));
    EXPECT_EQ(ops::sum_of_squares(x.view({-1})), squares);
  }
}

}  // namespace
}  // namespace ropeway
