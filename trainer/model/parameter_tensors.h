// The weights of a model, or their gradients, in the form the engine works on: projections fused, and
// undefined tensors for what a family does not have.
//
// C hidden size, H query heads, K key/value heads, D head_dim, I intermediate size, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway {

struct BlockTensors {
  at::Tensor input_norm;     // [C]
  at::Tensor qkv;            // [(H + 2K) * D, C]
  at::Tensor attention_out;  // [C, H * D]
  at::Tensor post_norm;      // [C]
  at::Tensor gate_up;        // [2 * I, C]
  at::Tensor down;           // [C, I]
  // Undefined where the model has none.
  at::Tensor q_norm, k_norm;      // [D]
  at::Tensor qkv_bias;            // [(H + 2K) * D]
  at::Tensor attention_out_bias;  // [C]
  at::Tensor gate_up_bias;        // [2 * I]
  at::Tensor down_bias;           // [C]
};

// The tensors of one unit of a model: its embedding, one block, or its final norm and head. Those of the
// other units are undefined.
struct UnitTensors {
  at::Tensor embedding;  // [V, C]
  BlockTensors block;
  at::Tensor final_norm;  // [C]
  at::Tensor head;        // [V, C]; the embedding itself when tied
};

}  // namespace ropeway
