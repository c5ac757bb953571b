// The weights of a model, or their gradients, in the form the engine works on: projections fused, and
// undefined tensors for what a family does not have.
//
// C hidden size, H query heads, K key/value heads, D head_dim, I intermediate size, E experts, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

namespace ropeway {

struct BlockTensors {
  at::Tensor qkv;            // [(H + 2K) * D, C]
  at::Tensor attention_out;  // [C, H * D]
  at::Tensor gate_up;        // [2 * I, C]
  at::Tensor down;           // [C, I]
  at::Tensor router;         // [E, C], in place of gate_up and down where the MLP is a choice of experts
  at::Tensor experts;        // [E, 3 * I * C] (experts.h)
  // Undefined where the model has none.
  at::Tensor input_norm, post_norm;          // [C]: of what attention and MLP read
  at::Tensor attention_out_norm, down_norm;  // [C]: of what they give
  at::Tensor q_norm, k_norm;                 // [D], or of all heads together [H * D] and [K * D]
  at::Tensor qkv_bias;                       // [(H + 2K) * D]
  at::Tensor attention_out_bias;             // [C]
  at::Tensor gate_up_bias;                   // [2 * I]
  at::Tensor down_bias;                      // [C]
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
