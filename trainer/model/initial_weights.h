// The weights a model starts its pretraining with.
#pragma once

#include <cstdint>

#include "trainer/family/model_config.h"

namespace ropeway {

class ParameterStore;

// normal(0, initializer_range), residual projections / sqrt(2 layers), norms 1, biases 0. Which numbers are
// drawn depends on the seed and the weight's place in names() alone.
void initialize_weights(ParameterStore& store, const ModelConfig& config, uint64_t seed);

}  // namespace ropeway
