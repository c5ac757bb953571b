#include "kernels/ops/cuda_attention.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/empty.h>

#include <mutex>
#include <set>
#include <tuple>
#include <vector>

#include "kernels/attention/head_groups.h"
#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/ops/attention_ops.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

// Empty if cuDNN serves the shape (what its operator accepts, and what of that is known to be right).
std::string why_not_cudnn(const BlockAttentionShape& shape, int64_t cudnn_version) {
  constexpr int64_t kOldest = 90000;
  if (cudnn_version < kOldest) return fmt::format("its version is {}, {} wanted", cudnn_version, kOldest);
  if (shape.window > 0) return "it is called without windows";
  if (shape.head_dim > 128) return fmt::format("head_dim {} is above 128", shape.head_dim);
  if (shape.keys < 2) return "it does not take a single key";
  if (shape.queries < 2) return "its backward gives NaN for a single query";
  // Attention's tiles divide these. Others would each need a plan of their own, one per document's length, and
  // its backward has been wrong for remainders of 64 (pytorch#196678).
  constexpr int64_t kTile = 128;
  if (shape.queries % kTile != 0 || shape.keys % kTile != 0) {
    return fmt::format(
        "the sides of a block are no multiples of {} tokens, as where documents are kept apart", kTile);
  }
  return "";
}

CudaAttention chosen(const BlockAttentionShape& shape, at::ScalarType type) {
  static const int64_t version = at::detail::getCUDAHooks().versionRuntimeCuDNN();
  const CudaAttentionChoice choice = choose_cuda_attention(shape, type, version);
  if (choice.backend == CudaAttention::kFlash2) {
    static std::mutex mutex;
    static std::set<std::string> told;
    const std::lock_guard lock(mutex);
    if (told.insert(choice.why_not_cudnn).second) {
      log_warning(
          "attention runs on FlashAttention 2, at about half of cuDNN's speed: cuDNN is not used because {}",
          choice.why_not_cudnn);
    }
  }
  return choice.backend;
}

// Arguments that only dropout and ragged batches use.
struct Unused {
  at::Tensor seed, none;
  explicit Unused(const at::Tensor& like) : seed(at::empty({1}, like.options().dtype(at::kLong))) {}
};

// libtorch gives cuDNN's lse as a column [B, H, N, 1], and takes it so in backward; elsewhere it is [B, H, N].
at::Tensor column_of(const at::Tensor& lse) { return lse.contiguous().unsqueeze(3); }
at::Tensor lse_of(const at::Tensor& column, const BlockAttentionShape& shape) {
  const std::vector<int64_t> wanted{shape.batch, shape.heads, shape.queries, 1};
  ROPEWAY_CHECK(column.sizes() == wanted,
                "cuDNN's lse has {} dimensions: not the libtorch this was written for", column.dim());
  return column.squeeze(3);
}

// FlashAttention 2 counts a window from the last key and the last query: query i sees keys from i + Nk - Nq -
// left to i + Nk - Nq + right. A side that reaches over all keys counts as open there, which is the same for
// as many queries as keys.
struct FlashWindow {
  int64_t left, right;
};
FlashWindow flash_window(const BlockAttentionShape& shape) {
  const FlashWindow window{shape.window - 1 - shape.offset, shape.offset};
  ROPEWAY_CHECK(
      shape.queries == shape.keys && window.left >= 0 && window.right >= 0,
      "a window of {} at offset {} over {} queries and {} keys: FlashAttention 2 wants a square block "
      "that it crosses",
      shape.window, shape.offset, shape.queries, shape.keys);
  return window;
}

// [B, H, N, D] <-> [B, N, H, D], which FlashAttention 2's own operators take.
at::Tensor tokens_first(const at::Tensor& t) { return t.transpose(1, 2); }

AttentionOutput flash_window_forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     const BlockAttentionShape& shape) {
  const FlashWindow window = flash_window(shape);
  const auto result = at::_flash_attention_forward(tokens_first(q), tokens_first(k), tokens_first(v),
                                                   std::nullopt, std::nullopt, shape.queries, shape.keys, 0.0,
                                                   false, false, shape.scale, window.left, window.right);
  return {tokens_first(std::get<0>(result)), std::get<1>(result)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> flash_window_backward(
    const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
    const at::Tensor& out, const at::Tensor& lse, const BlockAttentionShape& shape, const Unused& unused) {
  const FlashWindow window = flash_window(shape);
  auto [dq, dk, dv] = at::_flash_attention_backward(
      tokens_first(d_out), tokens_first(q), tokens_first(k), tokens_first(v), tokens_first(out),
      lse.contiguous(), unused.none, unused.none, shape.queries, shape.keys, 0.0, false, unused.seed,
      unused.seed, shape.scale, window.left, window.right);
  return {tokens_first(dq), tokens_first(dk), tokens_first(dv)};
}

// One call of libtorch's operator. All five have one layout of [B, H, N, D].
AttentionGradients operator_backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                                     const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                                     const BlockAttentionShape& shape) {
  const Unused unused(q);
  std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients;
  if (chosen(shape, q.scalar_type()) == CudaAttention::kCudnn) {
    gradients = at::_scaled_dot_product_cudnn_attention_backward(
        d_out, q, k, v, out, column_of(lse), unused.seed, unused.seed, unused.none, unused.none, unused.none,
        shape.queries, shape.keys, 0.0, shape.causal, shape.scale);
  } else if (shape.window > 0) {
    gradients = flash_window_backward(d_out, q, k, v, out, lse, shape, unused);
  } else {
    gradients = at::_scaled_dot_product_flash_attention_backward(
        d_out, q, k, v, out, lse.contiguous(), unused.none, unused.none, shape.queries, shape.keys, 0.0,
        shape.causal, unused.seed, unused.seed, shape.scale);
  }
  return {std::get<0>(gradients), std::get<1>(gradients), std::get<2>(gradients)};
}

}  // namespace

CudaAttentionChoice choose_cuda_attention(const BlockAttentionShape& shape, at::ScalarType type,
                                          int64_t cudnn_version) {
  if (type != at::kBFloat16) {
    fail(ErrorKind::kConfig, "attention on CUDA computes in bf16 only, dtype is {}", c10::toString(type));
  }
  if (shape.head_dim % 8 != 0 || shape.head_dim > 256) {
    fail(ErrorKind::kConfig, "attention on CUDA: head_dim {} must be a multiple of 8 and at most 256",
         shape.head_dim);
  }
  if (shape.softcap > 0) {
    fail(ErrorKind::kConfig,
         "attention on CUDA: neither cuDNN's operator nor FlashAttention 2 as libtorch has it caps scores, "
         "and this model's attention has a soft cap of {}; it runs on CPUs",
         shape.softcap);
  }
  const std::string reason = why_not_cudnn(shape, cudnn_version);
  return {reason.empty() ? CudaAttention::kCudnn : CudaAttention::kFlash2, reason};
}

AttentionOutput cuda_block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     const BlockAttentionShape& shape) {
  if (chosen(shape, q.scalar_type()) == CudaAttention::kCudnn) {
    const auto result = at::_scaled_dot_product_cudnn_attention(
        q, k, v, std::nullopt, /*compute_log_sumexp=*/true, 0.0, shape.causal, false, shape.scale);
    return {std::get<0>(result), lse_of(std::get<1>(result), shape)};
  }
  if (shape.window > 0) return flash_window_forward(q, k, v, shape);
  const auto result = at::_scaled_dot_product_flash_attention(q, k, v, 0.0, shape.causal, false, shape.scale);
  return {std::get<0>(result), std::get<1>(result)};
}

AttentionGradients backward_in_head_groups(int64_t groups, const AttentionBackward& backward,
                                           const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                                           const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                                           const BlockAttentionShape& shape) {
  if (groups == 1) return backward(d_out, q, k, v, out, lse, shape);
  BlockAttentionShape part = shape;
  part.heads /= groups;
  part.kv_heads /= groups;
  const AttentionGradients all{token_major(q.sizes(), q.options()), token_major(k.sizes(), k.options()),
                               token_major(v.sizes(), v.options())};
  for (int64_t group = 0; group < groups; ++group) {
    const auto queries = [&](const at::Tensor& x) { return x.narrow(1, group * part.heads, part.heads); };
    const auto keys = [&](const at::Tensor& x) { return x.narrow(1, group * part.kv_heads, part.kv_heads); };
    const AttentionGradients own =
        backward(queries(d_out), queries(q), keys(k), keys(v), queries(out), queries(lse), part);
    queries(all.dq).copy_(own.dq);
    keys(all.dk).copy_(own.dk);
    keys(all.dv).copy_(own.dv);
  }
  return all;
}

AttentionGradients cuda_block_attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                                 const at::Tensor& k, const at::Tensor& v,
                                                 const at::Tensor& out, const at::Tensor& lse,
                                                 const BlockAttentionShape& shape) {
  // A merged result is F32; the operators take it rounded.
  return backward_in_head_groups(backward_head_groups(shape), operator_backward, d_out.to(q.scalar_type()), q,
                                 k, v, out.to(q.scalar_type()), lse, shape);
}

}  // namespace ropeway::ops
