// What generation keeps beside a pass: keys and values of the tokens that were read (model/key_cache.h).
#pragma once

#include <cstdint>

#include "trainer/family/model_config.h"

namespace ropeway {

struct EvaluateRecipe;

// Tokens of a layer with a sliding window that are kept: the window, and what lets a sequence be cut and rows be
// moved once in a while instead of with every token.
struct SlidingKeys {
  int64_t at_least = 0, at_most = 0;
};
SlidingKeys sliding_keys(const ModelConfig& config);

// Bytes that a rank of so many holds of a sequence of this length, in elements of element_bytes. unrotated: keys
// before RoPE, too, of the layers that take factors.
int64_t key_cache_bytes(const ModelConfig& config, int64_t length, int ranks, int64_t element_bytes,
                        bool unrotated);

// The longest sequence that an evaluation generates behind; 0: it generates none.
int64_t generated_length(const EvaluateRecipe& evaluate);

}  // namespace ropeway
