// RoPE in GGUF metadata. Inside this folder.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {

// Adds rope_theta and rope_scaling to the config.json made of a GGUF file. `json` has the shape already. Every
// key under PREFIXrope. is understood or refused. rope.scaling.factor (of 2023: rope.scale_linear) without a
// type is linear, a factor of 0 or 1 no scaling; type none turns a factor off.
//   rope_freqs.weight has one divisor per pair, of Llama 3's rule; where 4 to 1 turns within 8,192 tokens
//   reproduce it, and the file's context is no shorter, the rule is written, otherwise the list as factors
//   of one window. attn_factor multiplies cos and sin; with yarn llama.cpp multiplies it by 0.1 ln(factor)
//   + 1.
void add_gguf_rope(const GgufFile& file, const std::string& prefix, const Family& family,
                   nlohmann::ordered_json& json);

// The sets that our own export wrote beside the two lists other programs read, once they are proven to hold
// those lists. Throws kBadData when they do not: the file was changed.
FactorFile restore_factor_sets(const GgufValue& json, const ParsedConfig& parsed, const std::string& where);

}  // namespace ropeway
