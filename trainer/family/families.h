// The decoders this program has, a row each. All are the Llama decoder (RMSNorm, RoPE, grouped-query
// attention, SwiGLU) with small differences, and a row holds all of them: how config.json and the weights are
// read and written follows from it, the engine sees only what ModelConfig says. A new Llama-like family is a
// row here and a case in tests/parity.
//
// Source of the facts: the configuration and modelling files of Hugging Face transformers 5.23, and
// llama.cpp's list of architectures.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ropeway {

// Which config.json keys give a family layers that see only the last `sliding_window` tokens.
enum class SlidingWindowKeys {
  kNone,    // full attention, whatever the file says
  kWindow,  // sliding_window, null for none
  kQwen,  // sliding_window counts with use_sliding_window only, from layer max_window_layers on; layer_types
};

struct Family {
  std::string_view model_type;         // config.json's model_type
  std::string_view class_name;         // config.json's architectures
  std::string_view gguf_architecture;  // general.architecture of a GGUF file

  bool fused_projections = false;   // qkv_proj and gate_up_proj hold q, k, v and gate, up one below the other
  bool qkv_bias = false;            // q, k and v have biases, without a key that says so
  bool attention_bias_key = false;  // attention_bias: true gives q, k, v and o biases
  bool mlp_bias_key = false;        // mlp_bias: true gives gate, up and down biases
  bool qk_norm = false;             // RMSNorm of every query and key head, before RoPE
  bool partial_rotary = false;      // partial_rotary_factor: the share of a head's dims that RoPE turns
  SlidingWindowKeys sliding_window = SlidingWindowKeys::kNone;
  // Phi3Config takes 4096 for a missing original_max_position_embeddings and 32000 for a missing
  // pad_token_id, which may lie outside the vocabulary; in transformers 4 it refuses a rope_scaling of more
  // than type, short_factor and long_factor.
  bool phi3_keys = false;

  // What transformers takes where config.json has no such key.
  double absent_rms_norm_eps = 1e-6;
  int64_t absent_num_kv_heads = 0;    // 0: as many as query heads
  int64_t absent_head_dim = 0;        // 0: hidden_size / num_attention_heads
  int64_t absent_sliding_window = 0;  // 0: none
};

std::span<const Family> families();
const Family* find_family(std::string_view model_type);  // null: none of them
const Family& family_of(std::string_view model_type);    // throws kBadData, listing those there are
std::string family_names();                              // "llama, mistral, ...", for messages

}  // namespace ropeway
