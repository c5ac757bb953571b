// Heads as strided views of the fused projection [T, (H + 2K) * D]: query heads, then key heads, then value
// heads. No copy: attention and RoPE take the strides as they are.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/mlp/swiglu.h"
#include "trainer/family/model_config.h"
#include "trainer/model/tiles.h"

namespace ropeway {

struct HeadViews {
  at::Tensor q;     // [B, n, H, D]
  at::Tensor k, v;  // [B, n, K, D]
};
inline HeadViews split_heads(const at::Tensor& qkv, BatchShape shape, const ModelConfig& config) {
  const int64_t h = config.num_heads, k = config.num_kv_heads;
  const at::Tensor heads = qkv.view({shape.sequences, shape.length, h + 2 * k, config.head_dim});
  return {heads.narrow(2, 0, h), heads.narrow(2, h, k), heads.narrow(2, h + k, k)};
}

// [T, H + K, D]: the heads that RoPE turns, which lie side by side.
inline at::Tensor rotated_heads(const at::Tensor& qkv, const ModelConfig& config) {
  const int64_t h = config.num_heads, k = config.num_kv_heads;
  return qkv.view({qkv.size(0), h + 2 * k, config.head_dim}).narrow(1, 0, h + k);
}

inline GateActivation gate_activation(const ModelConfig& config) {
  return config.gelu_gate ? GateActivation::kGeluTanh : GateActivation::kSilu;
}

// Heads [T, H, D] as the rows that a norm of them works on: heads, or all heads of a token together [T, H *
// D].
inline at::Tensor normed_rows(const at::Tensor& heads, const ModelConfig& config) {
  if (!config.whole_qk_norm) return heads;
  return heads.as_strided({heads.size(0), heads.size(1) * heads.size(2)}, {heads.stride(0), 1},
                          heads.storage_offset());
}

}  // namespace ropeway
