// Layers that see only the last tokens: which ones a config.json names, and what a sequence longer than their
// window may be.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/files/strict_json.h"

namespace ropeway {

// Sets config.sliding_window and config.first_sliding_layer from the keys of the family; num_layers must be
// set. A window that no layer uses is none. Throws kBadData for an order of layer_types that these two cannot
// tell.
void read_sliding_window(const JsonValue& json, const Family& family, ModelConfig& config);

// For whoever runs sequences of this length through the model, which attends fully: throws kBadData, starting
// with `where`, when the model's sliding window is shorter.
void require_within_sliding_window(const ModelConfig& config, int64_t length, const std::string& where);
// Takes the sliding window away: the user has said that the model is to attend fully at every length.
void attend_fully(ModelConfig& config);

}  // namespace ropeway
