#include "trainer/family/sliding_window.h"

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 40;
constexpr int64_t kAbsentMaxWindowLayers = 28;  // of Qwen in transformers

// null says none; an absent key has the family's meaning.
int64_t window_of(const JsonValue& json, const Family& family) {
  if (const auto value = json.find("sliding_window")) return value->integer(2, kMaxLength);
  return json.has("sliding_window") ? 0 : family.absent_sliding_window;
}

// The number of full_attention layers before the first sliding_attention one.
int64_t first_sliding_of(const JsonValue& layer_types, int64_t num_layers) {
  if (layer_types.size() != num_layers) {
    layer_types.refuse(fmt::format("one type for each of the {} layers", num_layers));
  }
  int64_t first = num_layers;
  for (int64_t i = 0; i < num_layers; ++i) {
    const JsonValue value = layer_types.at(i);
    const std::string type = value.string();
    if (type != "full_attention" && type != "sliding_attention") {
      value.refuse("full_attention or sliding_attention");
    }
    if (type == "sliding_attention") {
      first = std::min(first, i);
    } else if (first < num_layers) {
      value.refuse("sliding_attention: layers of full attention are read only before the sliding ones");
    }
  }
  return first;
}

}  // namespace

void read_sliding_window(const JsonValue& json, const Family& family, ModelConfig& config) {
  config.sliding_window = config.first_sliding_layer = 0;
  if (family.sliding_window == SlidingWindowKeys::kNone) return;
  const int64_t window = window_of(json, family);
  int64_t first = 0;
  const auto layer_types = json.find("layer_types");
  if (family.sliding_window == SlidingWindowKeys::kQwen) {
    const auto used = json.find("use_sliding_window");
    if (!used || !used->boolean()) return;
    const auto full_layers = json.find("max_window_layers");
    first = full_layers ? full_layers->integer(0, kMaxLength) : kAbsentMaxWindowLayers;
    if (layer_types) first = first_sliding_of(*layer_types, config.num_layers);
  } else if (layer_types && window > 0 && first_sliding_of(*layer_types, config.num_layers) != 0) {
    layer_types->refuse(fmt::format("sliding_attention everywhere: all layers of a {} model share the window",
                                    family.model_type));
  }
  if (window == 0 || first >= config.num_layers) return;
  config.sliding_window = window;
  config.first_sliding_layer = first;
}

void require_within_sliding_window(const ModelConfig& config, int64_t length, const std::string& where) {
  if (config.sliding_window == 0 || length <= config.sliding_window) return;
  fail(
      ErrorKind::kBadData, WayOut::kAttendFully,
      "{}: {} tokens are more than the sliding window of {} that config.json gives the model; attention here "
      "is full, which is something else beyond that",
      where, length, config.sliding_window);
}

void attend_fully(ModelConfig& config) {
  if (config.sliding_window == 0) return;
  config.sliding_window = config.first_sliding_layer = 0;
  // The length that was stated held with the window; without it the model knows its original one.
  config.max_position_embeddings = 0;
}

}  // namespace ropeway
