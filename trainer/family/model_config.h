// The shape of a decoder and its RoPE, as config.json of Hugging Face describes it.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/rope/schedules.h"

namespace ropeway {

struct Family;

struct ModelConfig {
  std::string model_type = "llama";  // a row of families.h
  int64_t vocab_size = 0, hidden_size = 0;
  int64_t intermediate_size = 0;  // of the MLP, or of every expert
  int64_t num_layers = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0;
  int64_t rotary_dim = 0;         // dims of every head that RoPE turns, the first ones; 0: all of them
  bool qkv_bias = false;          // q, k, v
  bool output_bias = false;       // o
  bool mlp_bias = false;          // gate, up, down
  bool qk_norm = false;           // RMSNorm of every query and key head over its D dims, before RoPE
  bool whole_qk_norm = false;     // qk_norm over all heads of a token together
  bool input_norms = true;        // RMSNorm of what attention and MLP read
  bool output_norms = false;      // RMSNorm of what attention and MLP give, before the stream takes it
  bool offset_norms = false;      // norms multiply by 1 + weight
  bool gelu_gate = false;         // gelu (its tanh form) of the gate in the MLP, instead of silu
  bool interleaved_rope = false;  // RoPE turns dims 2i and 2i + 1, instead of i and i + rotary_dim / 2
  int64_t num_experts = 0;        // of the MLP; 0: it is one
  int64_t experts_per_token = 0;
  bool normalized_experts = false;  // the weights of a token's experts sum to 1
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000;
  int64_t original_window = 0;  // the length the base model was trained at: L0
  // The length config.json states for plain RoPE where it is not the original window, because a sliding
  // window is shorter or because the model was trained on shorter sequences. 0: the original window.
  int64_t max_position_embeddings = 0;
  // Sliding layers attend to this many tokens at most, the query's own included; 0: all layers attend to all
  // tokens. Whether a longer sequence is meant must have been said: honours_window, or 0 here.
  int64_t sliding_window = 0;
  std::vector<bool> sliding_layers;  // which they are; empty: all
  bool honours_window = false;
  double local_rope_theta = 0;  // base of the plain RoPE of the sliding layers; 0: their RoPE is the others'
  std::vector<bool> unrotated_layers;         // those without RoPE; empty: none
  double embedding_multiplier = 1;            // of what the first block reads
  bool rounded_embedding_multiplier = false;  // to the type of the weights, before it multiplies
  double residual_multiplier = 1;             // of what attention and MLP give
  double attention_multiplier = 0;            // of products of query and key; 0: 1 / sqrt(head_dim)
  double attention_softcap = 0;               // scores become cap * tanh(score / cap); 0: they stay
  double logit_divisor = 1;
  double logit_softcap = 0;
  bool tie_word_embeddings = false;
  int64_t bos_token_id = -1, eos_token_id = -1;  // -1: none
  double initializer_range = 0.02;

  bool slides(int64_t layer) const { return of_layer(sliding_layers, layer, true); }
  // The length from on which somebody has to say what is meant; 0: none.
  int64_t limiting_window() const { return honours_window ? 0 : sliding_window; }
  int64_t window_of_layer(int64_t layer) const { return slides(layer) ? sliding_window : 0; }
  // RoPE of a layer: none, the plain one of local layers, or that of the model's factor sets.
  bool rotates(int64_t layer) const { return !of_layer(unrotated_layers, layer, false); }
  bool rotates_locally(int64_t layer) const { return local_rope_theta > 0 && slides(layer); }
  bool takes_factors(int64_t layer) const { return rotates(layer) && !rotates_locally(layer); }
  double score_scale() const {
    return attention_multiplier > 0 ? attention_multiplier : 1 / std::sqrt(static_cast<double>(head_dim));
  }
  double norm_offset() const { return offset_norms ? 1 : 0; }
  int64_t rotary_pairs() const { return (rotary_dim > 0 ? rotary_dim : head_dim) / 2; }
  int64_t num_parameters() const;
  RopeGeometry rope_geometry() const { return {rotary_pairs(), rope_theta, original_window}; }

 private:
  static bool of_layer(const std::vector<bool>& list, int64_t layer, bool absent) {
    return list.empty() ? absent : list[static_cast<size_t>(layer)];
  }
};

// Another original window than config.json says; what it said stays the stated length.
void set_original_window(ModelConfig& config, int64_t window);

// What the row of a family says of all its models, whatever their config.json says.
void take_traits(const Family& family, ModelConfig& config);

}  // namespace ropeway
