// Names of weights: Hugging Face's and llama.cpp's ("model.layers.3.self_attn.q_proj.weight" is
// "blk.3.attn_q.weight"), and what llama.cpp does to the rows of some.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"

namespace ropeway {

// Of a name that weight_names() gives for this family. Norms are named by what they norm.
std::string gguf_weight_name(const Family& family, std::string_view hf_name);
// Of weights outside the layers.
std::string gguf_outer_name(std::string_view hf_name);

// What llama.cpp's weights of norms are above the model's: 1 for families that multiply by 1 + weight.
double gguf_norm_offset(const ModelConfig& config, std::string_view hf_name);

// RoPE tables that a GGUF file keeps beside its weights.
inline constexpr const char* kRopeFreqs = "rope_freqs.weight";               // llama3 factors
inline constexpr const char* kRopeFactorsLong = "rope_factors_long.weight";  // longrope
inline constexpr const char* kRopeFactorsShort = "rope_factors_short.weight";
bool is_gguf_rope_table(std::string_view name);

// llama.cpp rotates neighbouring dims (2j, 2j+1) in its architectures llama, granite and smollm3, where
// Hugging Face rotates j with j + D/2: the rows of q and k (weights and biases) lie accordingly. The head_dim
// within which a weight's rows are reordered; 0 for every other weight and architecture.
int64_t reordered_head_dim(const ModelConfig& config, std::string_view hf_name);
// Row of the GGUF tensor that holds row `row` of the Hugging Face one.
int64_t gguf_row(int64_t row, int64_t head_dim);
// And the inverse.
int64_t hf_row(int64_t row, int64_t head_dim);

}  // namespace ropeway
