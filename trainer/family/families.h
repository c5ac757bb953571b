// The decoders this program has, one row each. All are the Llama decoder (RMSNorm, RoPE, grouped-query
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
  kPattern,  // local and global layers by design: layer_types, else every window_pattern-th one is full
  kUnread,   // sliding_window that no released model uses: use_sliding_window must be false
};

// Which keys say that the MLP is a choice of experts, and what their weights are called.
enum class ExpertKeys {
  kNone,
  kMixtral,  // num_local_experts; block_sparse_moe.experts.0.w1, w3, w2
  kQwen,  // num_experts, moe_intermediate_size, norm_topk_prob; mlp.experts.0.gate_proj, up_proj, down_proj
};

// The norms of a layer by their names; "" where there is none.
struct NormNames {
  std::string_view attention_in = "input_layernorm", attention_out = "";
  std::string_view mlp_in = "post_attention_layernorm", mlp_out = "";
};

struct Family {
  std::string_view model_type;         // config.json's model_type
  std::string_view class_name;         // config.json's architectures
  std::string_view gguf_architecture;  // general.architecture of a GGUF file

  bool fused_projections = false;   // qkv_proj and gate_up_proj hold q, k, v and gate, up one below the other
  bool qkv_bias = false;            // q, k and v have biases, without a key that says so
  bool attention_bias_key = false;  // attention_bias: true gives q, k, v and o biases
  bool mlp_bias_key = false;        // mlp_bias: true gives gate, up and down biases
  bool output_bias = true;          // o has a bias where q, k and v have one
  bool qk_norm = false;             // RMSNorm of every query and key head, before RoPE
  bool whole_qk_norm = false;       // ... over all heads together
  bool fused_mlp = false;           // gate_up_proj alone is fused
  NormNames norms = {};
  bool offset_norms = false;      // norms multiply by 1 + weight
  bool gelu_gate = false;         // gelu_pytorch_tanh instead of silu, under hidden_activation
  bool interleaved_rope = false;  // RoPE turns neighbouring dims
  ExpertKeys experts = ExpertKeys::kNone;
  bool partial_rotary = false;  // partial_rotary_factor: the share of a head's dims that RoPE turns
  SlidingWindowKeys sliding_window = SlidingWindowKeys::kNone;
  // A missing pad_token_id stands for one of the class's own, which may lie outside the vocabulary.
  bool default_padding = false;
  // Phi3Config takes 4096 for a missing original_max_position_embeddings; in transformers 4 it refuses a
  // rope_scaling of more than type, short_factor and long_factor.
  bool phi3_keys = false;
  // embedding_multiplier, residual_multiplier, attention_multiplier and logits_scaling.
  bool granite_keys = false;
  // no_rope_layers, no_rope_layer_interval: layers without RoPE.
  bool no_rope_keys = false;
  bool scaled_embeddings = false;  // times sqrt(hidden_size), rounded to the type of the weights
  // query_pre_attn_scalar, attn_logit_softcapping and final_logit_softcapping.
  bool score_keys = false;
  bool local_rope_keys = false;  // rope_local_base_freq: sliding layers have a plain RoPE of their own

  // What transformers takes where config.json has no such key.
  double absent_rms_norm_eps = 1e-6;
  int64_t absent_num_kv_heads = 0;    // 0: as many as query heads
  int64_t absent_head_dim = 0;        // 0: hidden_size / num_attention_heads
  int64_t absent_sliding_window = 0;  // 0: none
  double absent_rope_theta = 10000;
  double absent_partial_rotary = 1;
  bool absent_attention_bias = false;
  bool absent_tie = false;            // tie_word_embeddings
  int64_t absent_window_pattern = 0;  // sliding_window_pattern
  double absent_attention_softcap = 0, absent_logit_softcap = 0;
};

std::span<const Family> families();
const Family* find_family(std::string_view model_type);  // null: none of them
const Family& family_of(std::string_view model_type);    // throws kBadData, listing those there are
std::string family_names();                              // "llama, mistral, ...", for messages

}  // namespace ropeway
