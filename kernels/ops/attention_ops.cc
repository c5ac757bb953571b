// Block attention and the merge of partial results on tensors.
#include "kernels/ops/attention_ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "kernels/attention/block_attention.h"
#include "kernels/attention/merge.h"
#include "kernels/attention/merge_cuda.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_attention.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

void check_rows_of_heads(const char* operation, const char* name, const at::Tensor& x, c10::Device device,
                         at::ScalarType type, at::IntArrayRef sizes) {
  ROPEWAY_CHECK(x.defined() && x.device() == device && x.scalar_type() == type && x.sizes() == sizes,
                "{}: {} must be a tensor of {} on {}, and shapes must agree", operation, name,
                c10::toString(type), device.str());
  ROPEWAY_CHECK(x.dim() < 4 || x.size(3) == 1 || x.numel() == 0 || x.stride(3) == 1,
                "{}: {}: head_dim must be contiguous", operation, name);
}

BlockAttentionShape checked_shape(const char* operation, const at::Tensor& q, const at::Tensor& k,
                                  const at::Tensor& v, bool causal, double scale,
                                  const AttentionLimits& limits) {
  ROPEWAY_CHECK(!causal || limits.window == 0, "{}: a window with the causal mask, which it holds already",
                operation);
  ROPEWAY_CHECK(q.dim() == 4 && k.dim() == 4, "{}: q [B,H,Nq,D], k and v [B,K,Nk,D] wanted", operation);
  check_rows_of_heads(operation, "q", q, q.device(), q.scalar_type(), q.sizes());
  check_rows_of_heads(operation, "k", k, q.device(), q.scalar_type(), k.sizes());
  check_rows_of_heads(operation, "v", v, q.device(), q.scalar_type(), k.sizes());
  ROPEWAY_CHECK(
      q.size(0) == k.size(0) && q.size(3) == k.size(3) && k.size(1) > 0 && q.size(1) % k.size(1) == 0,
      "{}: {} query heads of dim {} do not fit {} key/value heads of dim {}", operation, q.size(1), q.size(3),
      k.size(1), k.size(3));
  ROPEWAY_CHECK(!causal || q.size(2) == k.size(2),
                "{}: causal needs a square block, got {} queries and {} keys", operation, q.size(2),
                k.size(2));
  return {.batch = q.size(0),
          .heads = q.size(1),
          .kv_heads = k.size(1),
          .queries = q.size(2),
          .keys = k.size(2),
          .head_dim = q.size(3),
          .scale = scale,
          .causal = causal,
          .offset = limits.offset,
          .window = limits.window,
          .softcap = limits.softcap};
}

// [B, H, N, D] or [B, H, N].
RowStrides row_strides(const at::Tensor& x) { return {x.stride(0), x.stride(1), x.stride(2)}; }

template <typename T>
HeadRows<T> head_rows(const at::Tensor& x) {
  return {data_of<T>(x), row_strides(x)};
}

}  // namespace

at::Tensor token_major(at::IntArrayRef sizes, const at::TensorOptions& options) {
  return at::empty({sizes[0], sizes[2], sizes[1], sizes[3]}, options).transpose(1, 2);
}

AttentionOutput block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal,
                                double scale, const AttentionLimits& limits) {
  constexpr const char* kName = "block_attention";
  const BlockAttentionShape shape = checked_shape(kName, q, k, v, causal, scale, limits);
  const auto acc = q.options().dtype(accumulation_type(q.scalar_type()));
  const at::IntArrayRef rows = q.sizes().slice(0, 3);
  if (shape.keys == 0) {  // nothing to attend to: weight 0 in every merge
    return {at::zeros(q.sizes(), q.options()), at::full(rows, -std::numeric_limits<double>::infinity(), acc)};
  }
  if (on_cuda(kName, q.device())) return cuda_block_attention(q, k, v, shape);
  const AttentionOutput result{token_major(q.sizes(), q.options()), at::empty(rows, acc)};
  for_activation_type(q.scalar_type(), kName, [&]<typename T>(T) {
    block_attention_forward<T>({.shape = shape,
                                .q = head_rows<const T>(q),
                                .k = head_rows<const T>(k),
                                .v = head_rows<const T>(v),
                                .out = head_rows<T>(result.out),
                                .lse = head_rows<accumulation_t<T>>(result.lse)});
  });
  return result;
}

AttentionGradients block_attention_backward(const AttentionBackwardCall& c) {
  constexpr const char* kName = "block_attention_backward";
  const BlockAttentionShape shape = checked_shape(kName, c.q, c.k, c.v, c.causal, c.scale, c.limits);
  const at::ScalarType type = c.q.scalar_type(), acc = accumulation_type(type);
  const c10::Device device = c.q.device();
  check_rows_of_heads(kName, "lse", c.lse, device, acc, c.q.sizes().slice(0, 3));
  check_rows_of_heads(kName, "d_out", c.d_out, device, c.d_out.scalar_type(), c.q.sizes());
  check_rows_of_heads(kName, "out", c.out, device, c.out.scalar_type(), c.q.sizes());
  if (on_cuda(kName, device))
    return cuda_block_attention_backward(c.d_out, c.q, c.k, c.v, c.out, c.lse, shape);
  if (c.out.scalar_type() != type || c.d_out.scalar_type() != type) {
    // A result as it was merged, in acc type, is used in full.
    return block_attention_backward({.d_out = c.d_out.to(acc),
                                     .q = c.q.to(acc),
                                     .k = c.k.to(acc),
                                     .v = c.v.to(acc),
                                     .out = c.out.to(acc),
                                     .lse = c.lse,
                                     .causal = c.causal,
                                     .scale = c.scale,
                                     .limits = c.limits});
  }
  const auto options = c.q.options().dtype(acc);
  const AttentionGradients result{token_major(c.q.sizes(), options), token_major(c.k.sizes(), options),
                                  token_major(c.v.sizes(), options)};
  for_activation_type(type, kName, [&]<typename T>(T) {
    using Acc = accumulation_t<T>;
    ropeway::block_attention_backward<T>({.shape = shape,
                                          .d_out = head_rows<const T>(c.d_out),
                                          .q = head_rows<const T>(c.q),
                                          .k = head_rows<const T>(c.k),
                                          .v = head_rows<const T>(c.v),
                                          .out = head_rows<const T>(c.out),
                                          .lse = head_rows<const Acc>(c.lse),
                                          .dq = head_rows<Acc>(result.dq),
                                          .dk = head_rows<Acc>(result.dk),
                                          .dv = head_rows<Acc>(result.dv)});
  });
  return result;
}

void merge_attention_(const at::Tensor& out_acc, const at::Tensor& lse_acc, const at::Tensor& out_block,
                      const at::Tensor& lse_block) {
  constexpr const char* kName = "merge_attention_";
  ROPEWAY_CHECK(out_acc.dim() == 4 && out_acc.sizes() == out_block.sizes(),
                "{}: out_acc and out_block must both be [B,H,N,D]", kName);
  ROPEWAY_CHECK(lse_acc.dim() == 3 && lse_acc.sizes() == out_acc.sizes().slice(0, 3) &&
                    lse_block.sizes() == lse_acc.sizes(),
                "{}: lse_acc and lse_block must both be [B,H,N]", kName);
  ROPEWAY_CHECK(
      out_acc.numel() == 0 || out_acc.size(3) == 1 || (out_acc.stride(3) == 1 && out_block.stride(3) == 1),
      "{}: head_dim must be contiguous", kName);
  const at::ScalarType acc = accumulation_type(out_block.scalar_type());
  ROPEWAY_CHECK(
      out_acc.scalar_type() == acc && lse_acc.scalar_type() == acc && lse_block.scalar_type() == acc,
      "{}: the running result and both lse must be {}", kName, c10::toString(acc));
  const c10::Device device = out_acc.device();
  ROPEWAY_CHECK(lse_acc.device() == device && out_block.device() == device && lse_block.device() == device,
                "{}: all four must be on one device", kName);
  const bool gpu = on_cuda(kName, device);
  for_activation_type(out_block.scalar_type(), kName, [&]<typename T>(T) {
    using Acc = accumulation_t<T>;
    const AttentionMerge<T> call{.batch = out_acc.size(0),
                                 .heads = out_acc.size(1),
                                 .tokens = out_acc.size(2),
                                 .head_dim = out_acc.size(3),
                                 .out_acc = data_of<Acc>(out_acc),
                                 .out_acc_strides = row_strides(out_acc),
                                 .lse_acc = data_of<Acc>(lse_acc),
                                 .lse_acc_strides = row_strides(lse_acc),
                                 .out_block = data_of<const T>(out_block),
                                 .out_block_strides = row_strides(out_block),
                                 .lse_block = data_of<const Acc>(lse_block),
                                 .lse_block_strides = row_strides(lse_block)};
    gpu ? cuda::merge_attention<T>(call, current_cuda_stream(device)) : merge_attention<T>(call);
  });
}

}  // namespace ropeway::ops
