// Bytes/s of every CUDA kernel, as a share of the memory's peak, and against ATen's operations for the same
// result, in one run. BF16 activations of an 8B-shaped layer (32/8 heads of 128, hidden 4096, MLP 14336),
// 16384 tokens.
//   gpu_kernels [tokens]
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/_log_softmax_backward_data.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/nll_loss_backward.h>
#include <ATen/ops/nll_loss_forward.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/cuda_status.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/loss/cross_entropy_cuda.h"
#include "kernels/ops/attention_ops.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/mlp_ops.h"
#include "kernels/ops/norm_ops.h"
#include "kernels/ops/optim_ops.h"
#include "kernels/ops/rope_ops.h"
#include "kernels/ops/tensor_access.h"
#include "tests/bench/gpu_report.h"
#include "tests/bench/gpu_timing.h"

namespace ropeway {
namespace {

using bench::on_gpu;
using bench::random;

constexpr int64_t kHeads = 32, kKvHeads = 8, kHeadDim = 128, kHidden = 4096, kMlp = 14336, kVocab = 128256;

struct Case {
  std::string name;
  double bytes;  // that have to be moved
  std::function<void()> ours, aten;
};

// 0: the driver does not tell.
double peak_bytes_per_second() {
  int kilohertz = 0, bits = 0;
  cuda::check_status("memory clock", cudaDeviceGetAttribute(&kilohertz, cudaDevAttrMemoryClockRate, 0));
  cuda::check_status("memory width", cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, 0));
  return 2.0 * kilohertz * 1e3 * bits / 8;  // two transfers a clock
}

void add_rope(std::vector<Case>& cases, int64_t tokens) {
  const int64_t heads = kHeads + kKvHeads, half = kHeadDim / 2;
  const at::Tensor x = random({tokens, heads, kHeadDim}), dy = random({tokens, heads, kHeadDim});
  const at::Tensor angles = random({tokens, half}, at::kDouble), cos = angles.cos().to(at::kFloat),
                   sin = angles.sin().to(at::kFloat);
  const double bytes = 2.0 * static_cast<double>(x.numel()) * 2;
  const at::Tensor c = cos.to(at::kBFloat16).unsqueeze(1), s = sin.to(at::kBFloat16).unsqueeze(1);
  const auto composed = [=] {
    const at::Tensor x1 = x.narrow(2, 0, half), x2 = x.narrow(2, half, half);
    at::cat({at::addcmul(x1 * c, x2, s, -1), at::addcmul(x2 * c, x1, s)}, 2);
  };
  cases.push_back({"rope forward", bytes, [=] { ops::rope_(x, cos, sin); }, composed});
  cases.push_back({"rope backward", bytes, [=] { ops::rope_backward_(dy, cos, sin); }, composed});
  const at::Tensor scaled = at::ones({tokens}, on_gpu(at::kBool)),
                   factors = at::zeros({half}, on_gpu(at::kDouble)),
                   temperature = at::zeros({1}, on_gpu(at::kDouble));
  cases.push_back({"rope factor gradient", bytes,
                   [=] {
                     ops::rope_factor_gradient({x, dy, angles, scaled, factors, temperature});
                   },
                   [=] {
                     const at::Tensor phi = (dy.narrow(2, half, half) * x.narrow(2, 0, half) -
                                             dy.narrow(2, 0, half) * x.narrow(2, half, half))
                                                .sum(1, false, at::kDouble);
                     factors.sub_((angles * phi).sum(0));
                     temperature.add_((x * dy).sum(at::kDouble));
                   }});
}

void add_norm(std::vector<Case>& cases, int64_t tokens) {
  const at::Tensor x = random({tokens, kHidden}), y = random({tokens, kHidden}), weight = random({kHidden}),
                   rstd = random({tokens}, at::kFloat).abs(), dy = random({tokens, kHidden}),
                   sum = at::zeros({kHidden}, on_gpu(at::kFloat));
  const double row_bytes = 2.0 * static_cast<double>(x.numel());
  cases.push_back({"rms norm forward", 2 * row_bytes, [=] { ops::rms_norm(x, weight, 1e-5, y, rstd); },
                   [=] { at::_fused_rms_norm(x, {kHidden}, weight, 1e-5); }});
  const at::Tensor rstd_column = rstd.unsqueeze(1);
  cases.push_back({"rms norm backward", 3 * row_bytes,
                   [=] {
                     ops::rms_norm_backward({dy, x, weight, rstd, y, false, sum});
                   },
                   [=] {
                     at::_fused_rms_norm_backward(dy, x, {kHidden}, rstd_column, weight, {true, true});
                   }});
}

void add_mlp(std::vector<Case>& cases, int64_t tokens) {
  const at::Tensor gate_up = random({tokens, 2 * kMlp}), out = random({tokens, kMlp}),
                   d_out = random({tokens, kMlp}), d_gate_up = random({tokens, 2 * kMlp});
  const at::Tensor gate = gate_up.narrow(1, 0, kMlp), up = gate_up.narrow(1, kMlp, kMlp);
  const double bytes = 2.0 * static_cast<double>(out.numel());
  cases.push_back(
      {"swiglu forward", 3 * bytes, [=] { ops::swiglu(gate_up, out); }, [=] { at::silu(gate).mul_(up); }});
  cases.push_back({"swiglu backward", 5 * bytes, [=] { ops::swiglu_backward(d_out, gate_up, d_gate_up); },
                   [=] {
                     at::silu_backward(d_out * up, gate);
                     at::silu(gate).mul_(d_out);
                   }});
}

void add_merge(std::vector<Case>& cases, int64_t tokens) {
  const auto heads_first = [&](at::ScalarType type) {
    return random({1, tokens, kHeads, kHeadDim}, type).transpose(1, 2);
  };
  const at::Tensor out = heads_first(at::kFloat), block = heads_first(at::kBFloat16);
  const at::Tensor lse = random({1, kHeads, tokens}, at::kFloat),
                   lse_block = random({1, kHeads, tokens}, at::kFloat);
  cases.push_back({"attention merge", 10.0 * static_cast<double>(out.numel()),
                   [=] { ops::merge_attention_(out, lse, block, lse_block); },
                   [=] {
                     // the formula of ring-flash-attention
                     out.sub_(at::sigmoid(lse_block - lse).unsqueeze(3) * (out - block));
                     lse.sub_(at::log_sigmoid(lse - lse_block));
                   }});
}

void add_loss(std::vector<Case>& cases) {
  constexpr int64_t kRows = 1024;
  const at::Tensor logits = random({kRows, kVocab}, at::kFloat),
                   gradient = at::empty({kRows, kVocab}, on_gpu(at::kBFloat16)),
                   labels = at::arange(kRows, on_gpu(at::kLong)), nll = random({kRows}, at::kFloat),
                   correct = at::zeros({kRows}, on_gpu(at::kBool)),
                   ones = at::ones({kRows}, on_gpu(at::kFloat));
  cases.push_back({"cross-entropy + gradient", 10.0 * static_cast<double>(logits.numel()),
                   [=] {
                     cuda::cross_entropy_rows<float, bfloat16>({.logits = ops::data_of<float>(logits),
                                                                .rows = kRows,
                                                                .vocab = kVocab,
                                                                .labels = ops::data_of<const int64_t>(labels),
                                                                .gradient = ops::data_of<bfloat16>(gradient),
                                                                .nll = ops::data_of<float>(nll),
                                                                .correct = ops::data_of<bool>(correct)},
                                                               ops::current_cuda_stream(logits.device()));
                   },
                   [=] {
                     const at::Tensor log_p = at::_log_softmax(logits, 1, false);
                     const auto [loss, weight] =
                         at::nll_loss_forward(log_p, labels, {}, at::Reduction::None, kIgnoredLabel);
                     const at::Tensor d = at::nll_loss_backward(ones, log_p, labels, {}, at::Reduction::None,
                                                                kIgnoredLabel, weight);
                     at::_log_softmax_backward_data(d, log_p, 1, at::kFloat).to(at::kBFloat16);
                   }});
}

void add_optimizer(std::vector<Case>& cases) {
  constexpr int64_t kCount = int64_t{1} << 28;
  const at::Tensor p = random({kCount}, at::kFloat), m = random({kCount}, at::kFloat),
                   v = random({kCount}, at::kFloat).abs_(), g = random({kCount}, at::kFloat),
                   weight = at::empty({kCount}, on_gpu(at::kBFloat16)),
                   step = at::ones({1}, on_gpu(at::kFloat));
  const double count = kCount;
  cases.push_back({"adamw", 30 * count,
                   [=] {
                     ops::adamw_step({p, m, v, g, weight, {}, 1.0, 1});
                   },
                   [=] {
                     at::_fused_adamw_({p}, {g}, {m}, {v}, {}, {step}, 1e-3, 0.9, 0.95, 0.0, 1e-8, false,
                                       false);
                     weight.copy_(p);
                   }});
  cases.push_back({"sum of squares", 4 * count, [=] { ops::sum_of_squares(g); },
                   [=] { at::linalg_vector_norm(g, 2, std::nullopt, false, at::kDouble).item<double>(); }});
}

void run(int64_t tokens) {
  ops::require_cuda();
  std::vector<Case> cases;
  add_rope(cases, tokens);
  add_norm(cases, tokens);
  add_mlp(cases, tokens);
  add_merge(cases, tokens);
  add_loss(cases);
  add_optimizer(cases);
  const double peak = peak_bytes_per_second();
  cudaDeviceProp device;
  cuda::check_status("cudaGetDeviceProperties", cudaGetDeviceProperties(&device, 0));
  std::fprintf(stderr, "%s, memory at %.0f GB/s, %lld tokens\n", device.name, peak * 1e-9,
               static_cast<long long>(tokens));
  for (const Case& c : cases) {
    const double ours = bench::seconds(c.ours), aten = bench::seconds(c.aten);
    bench::report({c.name, "us", ours * 1e6});
    if (peak > 0) bench::report({c.name, "of peak", c.bytes / ours / peak, 0.8});
    bench::report({c.name, "x ATen", aten / ours, 1});
  }
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  return ropeway::bench::run_to_exit_code("gpu_kernels",
                                          [&] { ropeway::run(argc > 1 ? std::stoll(argv[1]) : 16384); });
}
