// One decoder block, forward and backward written out:
//   q, k, v = [norm](x) Wqkv^T [+ b]                tile by tile over tokens
//   q, k = rotated([norm of heads](q, k))           in layers that have RoPE
//   O = attention(q, k, v)                          over all ranks of the sequence
//   h = x + [m * norm](O Wo^T [+ b])                tile by tile again
//   y = h + [m * norm](swiglu([norm](h) Wgu^T [+ b]) Wdown^T [+ b]), or h + experts([norm](h))
// Only some families have what stands in brackets; the others spend nothing on it.
// Backward walks this in reverse. It computes again the token-wise results that the record does not hold, by
// the same calls on the same tiles, so that keeping and recomputing give the same numbers.
// In BF16 the residual stream, its gradient and every projection's result are rounded to BF16, as in Hugging
// Face's Llama; statistics of the norms, log-sum-exp and weight gradients are F32. A block does not know
// where weights, gradients and activations live, nor how the sequences are spread over ranks: that is the
// layout's and the attention's business.
//
// T = B * n tokens, C hidden size, H query heads, K key/value heads, D head_dim, I intermediate size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "parallel/attention/sequence_attention.h"
#include "trainer/family/model_config.h"
#include "trainer/model/activation_store.h"
#include "trainer/model/experts.h"
#include "trainer/model/parameter_tensors.h"
#include "trainer/model/residual_branch.h"
#include "trainer/model/rope_cache.h"
#include "trainer/model/tiles.h"
#include "trainer/model/workspace.h"

namespace ropeway {

// Where a backward pass puts gradients other than d loss / d x.
struct BlockGradients {
  BlockTensors weights;        // acc type, added to; undefined tensors: not wanted
  at::Tensor log_factors;      // [pairs] F64, added to; undefined: not wanted
  at::Tensor log_temperature;  // [1] F64
  bool input = true;           // false: d loss / d x is not needed
};

// Keys and values of T tokens on their way into a cache, [T, K, D]; undefined: not wanted.
struct KeyRows {
  at::Tensor keys, values;  // as attention takes them: keys are rotated
  at::Tensor unrotated;     // keys before RoPE
};

// What a block makes of a few tokens, for attention over what is cached and over them.
struct NewHeads {
  at::Tensor q;  // [T, H, D], rotated
  KeyRows rows;
};

class Block {
 public:
  // Keeps a reference to the attention.
  Block(const ModelConfig& config, SequenceAttention& attention, int64_t tile_tokens);

  // x [T, C]. `rope` without tables: a layer without RoPE. The result goes to the tensor [T, C] that `y`
  // returns: it is called once, when attention is done, so it may return memory that is free only then, or x
  // itself. record: what to keep; null: nothing. save_attention: O and LSE go into the record. keep: where keys
  // and values of all rows are copied to.
  void forward(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
               const at::Tensor& x, const std::function<at::Tensor()>& y, BlockActivations* record,
               bool save_attention, const KeyRows& keep = {});

  // T tokens that follow on others, whose keys are the caller's: `attend` gives what attention finds [T, H, D].
  // x [T, C] becomes the block's result. layout: of one sequence that holds these tokens alone.
  void extend(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
              bool wants_unrotated, const std::function<at::Tensor(const NewHeads&)>& attend,
              const at::Tensor& x);

  // d_x [T, C]: d loss / d y on entry, d loss / d x on return.
  void backward(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                const BlockActivations& record, const BlockGradients& gradients, const at::Tensor& d_x);

 private:
  struct HeadStatistics {
    at::Tensor q, k;  // 1 / root mean square, [T, H] and [T, K], or [T] of all heads together
  };
  // [norm](x) of a tile [T, C], and 1 / root mean square [T]: x itself and nothing where there is no norm.
  struct Read {
    at::Tensor x, rstd;
  };
  Read read_stream(const at::Tensor& x, const at::Tensor& norm);
  // d_read [T, C] = d loss / d read.x: adds to d_x what that is of d loss / d x.
  void read_backward(const Read& read, const at::Tensor& d_read, const at::Tensor& x, const at::Tensor& norm,
                     const at::Tensor& grad_norm, const at::Tensor& d_x);
  HeadStatistics normalize_heads(const BlockTensors& weights, const at::Tensor& from, const at::Tensor& to);
  void head_norm_backward(const BlockTensors& weights, const at::Tensor& read, const BlockTensors& gradients,
                          const at::Tensor& d_heads);
  static ResidualBranch::Weights attention_weights(const BlockTensors& weights) {
    return {weights.attention_out, weights.attention_out_bias, weights.attention_out_norm};
  }
  static ResidualBranch::Weights mlp_weights(const BlockTensors& weights) {
    return {weights.down, weights.down_bias, weights.down_norm};
  }
  SequenceAttention::Output attend(const at::Tensor& qkv, const SequenceLayout& layout);
  // unrotated [T, K, D]: takes the keys before RoPE, unless it is undefined.
  void project_qkv(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                   const at::Tensor& x, const at::Tensor& qkv, const at::Tensor& unrotated = {});
  // From what attention gave [T, H * D] to the block's result, which goes to y() [T, C].
  void finish(const BlockTensors& weights, BatchShape shape, const at::Tensor& x, const at::Tensor& attention,
              const std::function<at::Tensor()>& y, BlockActivations* record);
  void mlp_backward(const BlockTensors& weights, BatchShape shape, const BlockActivations& record,
                    const at::Tensor& attention, const BlockGradients& gradients, const at::Tensor& d_x,
                    const at::Tensor& d_attention);
  // d_rows [T, C] of a tile: d loss / d y, left as it is. Writes d_read [T, C]: d loss / d what the MLP
  // reads.
  void dense_backward(const BlockTensors& weights, const at::Tensor& kept_gate_up, const at::Tensor& read,
                      const BlockTensors& gradients, const at::Tensor& d_rows, const at::Tensor& d_read);
  void qkv_backward(const BlockTensors& weights, const BatchRope& rope, const SequenceLayout& layout,
                    const at::Tensor& x, const at::Tensor& qkv, const SequenceAttention::Gradients& attention,
                    const BlockGradients& gradients, const at::Tensor& d_x);

  const ModelConfig config_;
  SequenceAttention& attention_;
  const int64_t tile_tokens_;
  const int64_t qkv_width_;  // (H + 2K) * D
  ResidualBranch branch_;
  Experts experts_;
  Buffer qkv_, d_attention_;  // the whole local batch
  Buffer normed_, rstd_, middle_, gate_up_, hidden_, d_hidden_, d_gate_up_, d_normed_, d_qkv_;  // a tile
  Buffer q_rstd_, k_rstd_, projected_, renormed_;  // a tile, for norms of heads
  Buffer unrotated_;                               // of extend
};

}  // namespace ropeway
