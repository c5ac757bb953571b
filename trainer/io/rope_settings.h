// The RoPE part of a config.json: rope_scaling (transformers 4) or rope_parameters (transformers 5). Inside
// trainer/io.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/io/strict_json.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct RopeSettings {
  double theta = 10000;
  int64_t original_window = 0;
  std::vector<FactorSet> sets;
};

// config: the whole config.json. window: max_position_embeddings (or the sliding window when that is
// shorter), which is the original window where nothing else says so. Throws kBadData with the JSON path.
//   default      no set.
//   longrope, su "short" unless it is the identity, and "long"; original_max_position_embeddings of the top
//   level wins
//                over the nested one; the temperature is attention_factor, or long_mscale / short_mscale, or
//                the "su" formula with factor (or max_position_embeddings / original), and acts on short
//                inputs too.
//   linear, yarn one schedule at every length, hence two sets of the same factors: "short" for the original
//   window and
//                one of the type's name for factor times it.
// Everything else (llama3, dynamic, ...) is refused. When rope_scaling and rope_parameters are both there
// they must say the same.
RopeSettings read_rope_settings(const JsonValue& config, int64_t pairs, int64_t window,
                                int64_t max_positions);

}  // namespace ropeway
