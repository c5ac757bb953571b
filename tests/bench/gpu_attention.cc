// Block attention on the GPU: TF/s forward and backward, and the time of calling cuDNN's operators alone as a
// share of ours, in one run. BF16, 64 query and 8 key/value heads of 128. Work is counted as 4 * area * heads
// * head_dim forward and 2.5 times that backward; the area of a causal block is half its square.
//   gpu_attention [length ...]    default 32768 8192
#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention_backward.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/ops/attention_ops.h"
#include "tests/bench/gpu_report.h"
#include "tests/bench/gpu_timing.h"

namespace ropeway {
namespace {

constexpr int64_t kHeads = 64, kKvHeads = 8, kHeadDim = 128;

struct Figures {
  double tflops, times_cudnn;  // cuDNN's seconds / ours
};

struct Pass {
  Figures forward, backward;
};

// One sequence, heads first, in the layout that the layers have: [B, N, H, D] in memory.
at::Tensor rows_of_heads(int64_t tokens, int64_t heads) {
  return bench::random({1, tokens, heads, kHeadDim}).transpose(1, 2);
}

Pass measure(int64_t length, bool causal) {
  const at::Tensor q = rows_of_heads(length, kHeads), k = rows_of_heads(length, kKvHeads),
                   v = rows_of_heads(length, kKvHeads), d_out = rows_of_heads(length, kHeads);
  const double scale = 1 / std::sqrt(static_cast<double>(kHeadDim));
  const auto forward =
      at::_scaled_dot_product_cudnn_attention(q, k, v, std::nullopt, true, 0.0, causal, false, scale);
  const at::Tensor out = std::get<0>(forward), lse = std::get<1>(forward), seed = std::get<6>(forward),
                   offset = std::get<7>(forward), none;
  const at::Tensor lse_rows = lse.view({1, kHeads, length});

  const double area = static_cast<double>(length) * static_cast<double>(length) * (causal ? 0.5 : 1.0);
  const double work = 4 * area * kHeads * kHeadDim;
  constexpr int kWarmUp = 3, kCalls = 10;
  const auto figures = [&](double flops, const std::function<void()>& ours,
                           const std::function<void()>& cudnn) {
    const double own = bench::seconds(ours, kWarmUp, kCalls), alone = bench::seconds(cudnn, kWarmUp, kCalls);
    return Figures{flops / own * 1e-12, alone / own};
  };
  return {
      figures(
          work, [&] { ops::block_attention(q, k, v, causal, scale); },
          [&] {
            at::_scaled_dot_product_cudnn_attention(q, k, v, std::nullopt, true, 0.0, causal, false, scale);
          }),
      figures(
          2.5 * work,
          [&] {
            ops::block_attention_backward({d_out, q, k, v, out, lse_rows, causal, scale});
          },
          [&] {
            at::_scaled_dot_product_cudnn_attention_backward(d_out, q, k, v, out, lse, seed, offset, none,
                                                             none, none, length, length, 0.0, causal, scale);
          })};
}

void run(const std::vector<int64_t>& lengths) {
  ops::require_cuda();
  for (const int64_t length : lengths) {
    for (const bool causal : {true, false}) {
      // The goals are those of the causal block at 32K.
      const bool judged = causal && length == 32768;
      const Pass pass = measure(length, causal);
      const auto tell = [&](const char* direction, const Figures& figures, double goal) {
        const std::string what =
            fmt::format("attention, {}, {}: {}", causal ? "causal" : "full", length, direction);
        bench::report({what, "TF/s", figures.tflops, judged ? goal : 0});
        bench::report({what, "of cuDNN", figures.times_cudnn, judged ? 0.95 : 0});
      };
      tell("forward", pass.forward, 620);
      tell("backward", pass.backward, 520);
    }
  }
}

}  // namespace
}  // namespace ropeway

int main(int argc, char** argv) {
  std::vector<int64_t> lengths;
  for (int i = 1; i < argc; ++i) lengths.push_back(std::stoll(argv[i]));
  if (lengths.empty()) lengths = {32768, 8192};
  return ropeway::bench::run_to_exit_code("gpu_attention", [&] { ropeway::run(lengths); });
}
