// One decoder block, forward and backward written out:
//   a = norm(x) Wqkv^T, q and k rotated        tile by tile over tokens
//   O = attention(q, k, v)                     over the whole sequence, on the ring
//   h = x + O Wo^T                             tile by tile again
//   y = h + swiglu(norm(h) Wgu^T) Wdown^T
// Backward walks this in reverse. Of the token-wise results it needs, those the record does not hold are computed
// again by the same calls on the same tiles, so that keeping and recomputing give the same numbers.
// Does not know where weights, gradients and activations live, nor how the sequence is spread.
//
// T = B * n tokens, C hidden size, H query heads, K key/value heads, D head_dim, I intermediate size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "parallel/ring/ring_attention.h"
#include "trainer/io/model_config.h"
#include "trainer/model/activation_store.h"
#include "trainer/model/parameter_store.h"
#include "trainer/model/rope_cache.h"
#include "trainer/model/workspace.h"

namespace ropeway {

struct BatchShape {
  int64_t sequences = 0;  // B
  int64_t length = 0;     // n, local
  int64_t tokens() const { return sequences * length; }
};

// Where a backward pass puts what it finds besides d loss / d x.
struct BlockGradients {
  BlockTensors weights;          // acc type, added to; undefined tensors: not wanted
  at::Tensor log_factors;        // [pairs] F64, added to; undefined: not wanted
  at::Tensor log_temperature;    // [1] F64
  bool input = true;             // false: d loss / d x is not needed
};

class Block {
 public:
  Block(const ModelConfig& config, RingAttention& ring, int64_t tile_tokens);

  // x, y [T, C]; y may be x. record: what to keep; null: nothing. save_attention: O and LSE go into the record.
  void forward(const BlockTensors& weights, const RopeTables& rope, BatchShape shape, const at::Tensor& x,
               const at::Tensor& y, BlockActivations* record, bool save_attention);

  // d_x [T, C]: d loss / d y on entry, d loss / d x on return.
  void backward(const BlockTensors& weights, const RopeTables& rope, BatchShape shape,
                const BlockActivations& record, const BlockGradients& gradients, const at::Tensor& d_x);

 private:
  struct Views {
    at::Tensor q, k, v;  // [B, n, heads, D], strided views of the fused projections
  };
  // A run of tokens of one sequence inside a tile.
  using Segment = std::function<void(int64_t sequence, int64_t position, int64_t row, int64_t count)>;

  Views split(const at::Tensor& qkv, BatchShape shape) const;
  void for_each_tile(BatchShape shape, const std::function<void(int64_t begin, int64_t count)>& body) const;
  void for_each_segment(BatchShape shape, int64_t begin, int64_t count, const Segment& body) const;
  at::Tensor rotated_part(const at::Tensor& qkv) const;  // [T, H + K, D]: q and k side by side

  void project_qkv(const BlockTensors& weights, const RopeTables& rope, BatchShape shape, const at::Tensor& x,
                   const at::Tensor& qkv);
  void mlp_backward(const BlockTensors& weights, const BlockActivations& record, const at::Tensor& attention_TE,
                    BatchShape shape, const BlockGradients& gradients, const at::Tensor& d_x, const at::Tensor& d_out);
  void qkv_backward(const BlockTensors& weights, const RopeTables& rope, BatchShape shape, const at::Tensor& x,
                    const at::Tensor& qkv, const RingAttention::Gradients& attention, const BlockGradients& gradients,
                    const at::Tensor& d_x);

  const ModelConfig config_;
  RingAttention& ring_;
  const int64_t tile_tokens_;
  const double scale_;  // of the attention logits: 1 / sqrt(D); the temperature is in the rope tables
  Buffer qkv_, d_out_;  // whole sequences
  Buffer normed_, rstd_, middle_, gate_up_, hidden_, d_hidden_, d_gate_up_, d_normed_, d_qkv_;  // a tile
};

}  // namespace ropeway
