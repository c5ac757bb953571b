// Block attention through libtorch's flash operator for CPUs, and the merge of partial results.
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "kernels/attention/merge.h"
#include "kernels/ops/ops.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

void check_block(const char* operation, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 bool causal) {
  ROPEWAY_CHECK(q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes(),
                "{}: q [B,H,Nq,D], k and v [B,K,Nk,D] wanted", operation);
  ROPEWAY_CHECK(
      q.size(0) == k.size(0) && q.size(3) == k.size(3) && k.size(1) > 0 && q.size(1) % k.size(1) == 0,
      "{}: {} query heads of dim {} do not fit {} key/value heads of dim {}", operation, q.size(1), q.size(3),
      k.size(1), k.size(3));
  ROPEWAY_CHECK(q.scalar_type() == k.scalar_type() && q.scalar_type() == v.scalar_type(),
                "{}: q, k, v must have one element type", operation);
  ROPEWAY_CHECK(!causal || q.size(2) == k.size(2),
                "{}: causal needs a square block, got {} queries and {} keys", operation, q.size(2),
                k.size(2));
}

RowStrides row_strides(const at::Tensor& x) { return {x.stride(0), x.stride(1), x.stride(2)}; }

}  // namespace

AttentionOutput block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal,
                                double scale) {
  check_block("block_attention", q, k, v, causal);
  if (q.numel() == 0 || k.size(2) == 0) {
    // No keys: nothing to attend to, weight 0 in every merge.
    return {at::zeros(q.sizes(), q.options()),
            at::full({q.size(0), q.size(1), q.size(2)}, -std::numeric_limits<double>::infinity(),
                     q.options().dtype(accumulation_type(q.scalar_type())))};
  }
  auto [out, lse] =
      at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, std::nullopt, scale);
  return {out, lse.contiguous()};
}

AttentionGradients block_attention_backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                                            const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                                            bool causal, double scale) {
  check_block("block_attention_backward", q, k, v, causal);
  const at::ScalarType acc = accumulation_type(q.scalar_type());
  if (q.numel() == 0 || k.size(2) == 0) {
    const auto options = q.options().dtype(acc);
    return {at::zeros(q.sizes(), options), at::zeros(k.sizes(), options), at::zeros(v.sizes(), options)};
  }
  // The operator sums bfloat16 gradients in bfloat16, so narrow inputs are widened first.
  auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      d_out.to(acc), q.to(acc), k.to(acc), v.to(acc), out.to(acc), lse, 0.0, causal, std::nullopt, scale);
  return {dq, dk, dv};
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
  for_activation_type(out_block.scalar_type(), kName, [&]<typename T>(T) {
    using Acc = accumulation_t<T>;
    merge_attention<T>({.batch = out_acc.size(0),
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
                        .lse_block_strides = row_strides(lse_block)});
  });
}

}  // namespace ropeway::ops
