// Layers that see only the last tokens: which ones a config.json names, and what a sequence longer than their
// window may be.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/family/families.h"
#include "trainer/family/model_config.h"
#include "trainer/files/strict_json.h"

namespace ropeway {

// Sets config.sliding_window and config.sliding_layers from the keys of the family; num_layers must be set. A
// window that no layer uses counts as none. Throws kBadData for layers that the family cannot have.
void read_sliding_window(const JsonValue& json, const Family& family, ModelConfig& config);

// For whoever runs sequences of this length through the model: throws kBadData, starting with `where`, when
// the model's sliding window is shorter and nobody has said what is meant then.
void require_within_sliding_window(const ModelConfig& config, int64_t length, const std::string& where);
// The user has said that longer sequences are meant, seen through the window.
void honour_window(ModelConfig& config);
// Takes the sliding window away: the user has said that the model is to attend fully at every length. Throws
// kBadData for a family whose local layers are by design.
void attend_fully(ModelConfig& config);

}  // namespace ropeway
