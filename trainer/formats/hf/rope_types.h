// One RoPE block of a config.json (rope_scaling or rope_parameters) as factor sets, by its rope_type (or
// type), with the numbers transformers 5.23 would compute. Inside this folder.
//
//   default       no set.
//   longrope, su  "short" unless it is the identity, and "long", which is for what is longer than the original
//                 window: up to max_position_embeddings, or where that is the original window itself up to
//                 factor (else the largest long factor) times it. original_max_position_embeddings of the top
//                 level wins over the nested one. The temperature is attention_factor, or long_mscale and
//                 short_mscale, or the "su" formula with factor (or max_position_embeddings / original); it
//                 acts on short inputs too. In phi3 files yarn with both lists is an old name of this type.
//   linear, yarn  one schedule at every length, hence two sets of the same factors: "short" for the original
//                 window, and one named after the type for factor times it. yarn's temperature is
//                 attention_factor, or (0.1 mscale ln s + 1) / (0.1 mscale_all_dim ln s + 1) where both are
//                 given, or 0.1 ln s + 1.
//   llama3        one set of that name for lengths up to max_position_embeddings, which is the original
//                 window (schedules.h: llama3_factors).
//
// Every other type (dynamic, proportional, ...) is refused by name. A number may be written as an integer or
// as a fraction.
#pragma once

#include "trainer/formats/hf/rope_settings.h"

namespace ropeway {

// config: the whole file. settings.theta is set already. Throws kBadData with the JSON path.
void read_rope_type(const JsonValue& config, const JsonValue& block, const RopeSurroundings& around,
                    RopeSettings& settings);

}  // namespace ropeway
