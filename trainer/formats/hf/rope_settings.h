// The RoPE part of a config.json: rope_scaling (transformers 4) or rope_parameters (transformers 5). Inside
// this folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/family/families.h"
#include "trainer/files/strict_json.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

struct RopeSettings {
  double theta = 10000;
  double local_theta = 0;       // of sliding layers that have a plain RoPE of their own; 0: they have not
  int64_t original_window = 0;  // 0: the file says nothing of it (plain RoPE)
  std::vector<FactorSet> sets;
};

// What the readers need to know of the rest of the file.
struct RopeSurroundings {
  const Family& family;
  int64_t head_dim, rotary_dim, max_positions;
};

// Dims of a head that RoPE turns: int(head_dim * partial_rotary_factor), the key at any level; an even
// number, and all of them for families that have no such key. Throws kBadData with the JSON path.
int64_t read_rotary_dim(const JsonValue& config, const Family& family, int64_t head_dim);
// The partial_rotary_factor of which transformers and read_rotary_dim make rotary_dim again: the quotient's
// product with head_dim may round to just below it.
double rotary_share(int64_t rotary_dim, int64_t head_dim);

// config: the whole config.json. Throws kBadData with the JSON path. What the types become is told in
// rope_types.h. When rope_scaling and rope_parameters are both there they must say the same.
RopeSettings read_rope_settings(const JsonValue& config, const RopeSurroundings& around);

}  // namespace ropeway
