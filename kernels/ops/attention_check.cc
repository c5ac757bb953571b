#include "kernels/ops/attention_check.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/ops/cuda_backend.h"

namespace ropeway::ops {
namespace {

constexpr double kTera = 1e12;
constexpr double kLeastShare = 0.7;
constexpr int64_t kMostTokens = 32768;

const char* name_of(CudaAttention backend) {
  return backend == CudaAttention::kCudnn ? "cuDNN" : "FlashAttention 2";
}

std::string rate_text(const char* direction, double found, std::optional<double> expected) {
  std::string text = fmt::format("{} {:.0f} TF/s", direction, found / kTera);
  if (expected) text += fmt::format(" ({:.0f} % of {:.0f})", 100 * found / *expected, *expected / kTera);
  return text;
}

}  // namespace

double causal_attention_flops(const BlockAttentionShape& shape) {
  return 2.0 * static_cast<double>(shape.batch) * static_cast<double>(shape.heads) *
         static_cast<double>(shape.head_dim) * static_cast<double>(shape.queries) *
         static_cast<double>(shape.keys);
}

std::string describe(const AttentionCheck& check) {
  const auto part = [&](double AttentionRates::*rate) {
    return check.expected ? std::optional<double>((*check.expected).*rate) : std::nullopt;
  };
  return fmt::format("attention: {} on {}, {} tokens, {} query and {} key heads of {}: {}, {}{}",
                     name_of(check.choice.backend), check.gpu, check.shape.queries, check.shape.heads,
                     check.shape.kv_heads, check.shape.head_dim,
                     rate_text("forward", check.found.forward, part(&AttentionRates::forward)),
                     rate_text("backward", check.found.backward, part(&AttentionRates::backward)),
                     check.expected ? "" : "; what this GPU can reach is not known here");
}

std::string why_slow(const AttentionCheck& check) {
  if (!check.expected) return "";
  const double share = std::min(check.found.forward / check.expected->forward,
                                check.found.backward / check.expected->backward);
  if (share >= kLeastShare) return "";
  const std::string cause = check.choice.backend == CudaAttention::kCudnn
                                ? "usual causes: another CUDA or cuDNN in LD_LIBRARY_PATH before libtorch's, "
                                  "a power limit, another process on this GPU (nvidia-smi)"
                                : "cuDNN's attention is not used because " + check.choice.why_not_cudnn;
  return fmt::format(
      "attention runs at {:.0f} % of what {} is known to reach: steps take that much longer; {}", 100 * share,
      check.gpu, cause);
}

AttentionCheck attention_self_check(c10::Device device, const std::string& gpu, BlockAttentionShape shape,
                                    std::optional<AttentionRates> expected) {
  shape.queries = shape.keys = std::min(shape.queries, kMostTokens);
  shape.causal = true;
  AttentionCheck check{
      .gpu = gpu,
      .shape = shape,
      .choice = choose_cuda_attention(shape, at::kBFloat16, at::detail::getCUDAHooks().versionRuntimeCuDNN()),
      .found = {},
      .expected = expected};
  const auto random = [&](int64_t heads) {
    const auto options = at::TensorOptions(at::kBFloat16).device(device);
    at::Tensor x = at::empty({shape.batch, shape.queries, heads, shape.head_dim}, options);
    return x.normal_().transpose(1, 2);
  };
  const at::Tensor q = random(shape.heads), k = random(shape.kv_heads), v = random(shape.kv_heads),
                   d_out = random(shape.heads);
  const AttentionOutput output = block_attention(q, k, v, true, shape.scale);
  const double flops = causal_attention_flops(shape);
  const auto seconds = [&](const std::function<void()>& call) {
    return cuda_seconds_per_call(device, call, /*warm_up=*/1, /*calls=*/5);
  };
  check.found.forward = flops / seconds([&] { block_attention(q, k, v, true, shape.scale); });
  check.found.backward =
      2.5 * flops / seconds([&] {
        block_attention_backward({d_out, q, k, v, output.out, output.lse, true, shape.scale});
      });
  log_info("{}", describe(check));
  if (const std::string warning = why_slow(check); !warning.empty()) log_warning("{}", warning);
  return check;
}

}  // namespace ropeway::ops
