// The attention temperature of an export. A set has one of its own, found with its factors; other programs have
// less room for it:
//   transformers 5          one for sequences of every length (attention_factor)
//   transformers 4, Phi-3   what the formula gives for declared / original window, and no other:
//                           sqrt(1 + ln s / ln L0), kSu of rope/schedules.h; its Phi3Config has no key for it
//   vLLM                    one for each list (short_mscale, long_mscale)
//   llama.cpp               one for both lists (rope.scaling.attn_factor)
#pragma once

#include <string>

#include "trainer/family/model_config.h"
#include "trainer/formats/hf/export_factors.h"

namespace ropeway {

double formula_temperature(const ModelConfig& config, const ExportFactors& factors);

// Whether transformers 4 refuses the config.json of this deployment.
bool only_transformers5_reads(const ModelConfig& config, const ExportFactors& factors);

// The formula's in place of those of both sets, which every program reads alike. Whether that changed one.
bool take_formula_temperature(const ModelConfig& config, ExportFactors& factors);

// What a reader with one temperature for sequences of every length ("transformers", "llama.cpp") cannot do as
// this program does; "" when there is nothing.
std::string temperature_warning(const ModelConfig& config, const ExportFactors& factors,
                                const std::string& reader);

}  // namespace ropeway
