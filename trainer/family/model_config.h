// The shape of a decoder and its RoPE, as config.json of Hugging Face describes it.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/rope/schedules.h"

namespace ropeway {

struct ModelConfig {
  std::string model_type = "llama";  // a row of families.h
  int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  int64_t num_layers = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0;
  int64_t rotary_dim = 0;    // dims of every head that RoPE turns, the first ones; 0: all of them
  bool qkv_bias = false;     // q, k, v
  bool output_bias = false;  // o
  bool mlp_bias = false;     // gate, up, down
  bool qk_norm = false;      // RMSNorm of every query and key head over its D dims, before RoPE
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000;
  int64_t original_window = 0;  // the length the base model was trained at: L0
  // The length config.json states for plain RoPE where it is not the original window, because a sliding
  // window is shorter or because the model was trained on shorter sequences. 0: the original window.
  int64_t max_position_embeddings = 0;
  // Layers from first_sliding_layer on attend to this many tokens at most, the query's own included; 0: all
  // layers attend to all tokens. The engine attends fully: a longer sequence must be refused, or said to be
  // meant (set to 0).
  int64_t sliding_window = 0;
  int64_t first_sliding_layer = 0;
  bool tie_word_embeddings = false;
  int64_t bos_token_id = -1, eos_token_id = -1;  // -1: none
  double initializer_range = 0.02;

  int64_t rotary_pairs() const { return (rotary_dim > 0 ? rotary_dim : head_dim) / 2; }
  int64_t num_parameters() const;
  RopeGeometry rope_geometry() const { return {rotary_pairs(), rope_theta, original_window}; }
};

// Another original window than config.json says; what it said stays the stated length.
void set_original_window(ModelConfig& config, int64_t window);

}  // namespace ropeway
