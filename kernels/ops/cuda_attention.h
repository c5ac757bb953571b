// Block attention on CUDA by libtorch's operators, called by name so that it is known which one runs:
// cuDNN's, or FlashAttention 2 (at about half the speed on an H100) where cuDNN's does not serve the shape.
// Never silently: the choice of FA2 is logged with its reason. Blocks of documents that are kept apart have
// sides of any length and run on FA2.
//
// Both take BF16, want head_dim innermost, take grouped queries as they are, align causal masks the same way
// for square blocks, give lse in F32, and recompute delta = rowsum(d_out * out) in backward, so that the out
// and lse of the whole row may be given (PyTorch's own context parallelism does). cuDNN makes a plan for
// every shape and thread at first use: call from one thread, with few shapes.
#pragma once

#include <functional>
#include <string>

#include "kernels/attention/block_attention.h"
#include "kernels/ops/attention_ops.h"

namespace ropeway::ops {

enum class CudaAttention { kCudnn, kFlash2 };

struct CudaAttentionChoice {
  CudaAttention backend = CudaAttention::kCudnn;
  std::string why_not_cudnn;  // empty for cuDNN
};

// Throws kConfig when neither serves: another type than BF16, head_dim no multiple of 8 or above 256, a soft
// cap of scores.
// cudnn_version as cuDNN counts (91900 for 9.19).
CudaAttentionChoice choose_cuda_attention(const BlockAttentionShape& shape, at::ScalarType type,
                                          int64_t cudnn_version);

using AttentionBackward = std::function<AttentionGradients(
    const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
    const at::Tensor& out, const at::Tensor& lse, const BlockAttentionShape& shape)>;

// Calls `backward` for each of so many groups of key/value heads (head_groups.h), one after another.
AttentionGradients backward_in_head_groups(int64_t groups, const AttentionBackward& backward,
                                           const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                                           const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                                           const BlockAttentionShape& shape);

// As the functions of attention_ops.h without "cuda", for at least one key; shapes have been checked. The
// gradients are BF16, as the operators give them.
AttentionOutput cuda_block_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     const BlockAttentionShape& shape);
AttentionGradients cuda_block_attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                                 const at::Tensor& k, const at::Tensor& v,
                                                 const at::Tensor& out, const at::Tensor& lse,
                                                 const BlockAttentionShape& shape);

}  // namespace ropeway::ops
