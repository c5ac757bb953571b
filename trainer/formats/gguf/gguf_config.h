// The metadata of a GGUF file as the config.json it was made from.
#pragma once

#include <string>

#include "trainer/family/model_config.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/hf/hf_config.h"

namespace ropeway {

// Keys of our own, which other programs pass over: what GGUF has no place for.
inline constexpr const char* kRopewayModelType =
    "ropeway.model_type";  // of several families in one architecture
inline constexpr const char* kRopewayFactorSets = "ropeway.factor_sets";  // rope_factors.json, all sets

// Shape, RoPE and factor sets. RoPE comes from rope.freq_base, rope.scaling.* (none, linear, yarn, longrope)
// and the tables rope_freqs.weight (llama3), rope_factors_long.weight and rope_factors_short.weight. Throws
// kBadData naming file and key or tensor.
ParsedConfig read_gguf_config(const GgufFile& file);

// The architectures that are read: "llama, phi3, ...". GGUF's files of experts are not.
std::string gguf_architectures();

}  // namespace ropeway
