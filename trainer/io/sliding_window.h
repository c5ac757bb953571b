// Which layers of a config.json see only the last tokens. Inside trainer/io.
#pragma once

#include "trainer/io/families.h"
#include "trainer/io/model_config.h"
#include "trainer/io/strict_json.h"

namespace ropeway {

// Sets config.sliding_window and config.first_sliding_layer from the keys of the family; num_layers must be
// set. A window that no layer uses is none. Throws kBadData for an order of layer_types that these two cannot
// tell.
void read_sliding_window(const JsonValue& json, const Family& family, ModelConfig& config);

}  // namespace ropeway
