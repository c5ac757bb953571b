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

std::vector<bool> sliding_layers_of(const JsonValue& layer_types, int64_t num_layers) {
  if (layer_types.size() != num_layers) {
    layer_types.refuse(fmt::format("one type for each of the {} layers", num_layers));
  }
  std::vector<bool> slides;
  for (int64_t i = 0; i < num_layers; ++i) {
    const JsonValue value = layer_types.at(i);
    const std::string type = value.string();
    if (type != "full_attention" && type != "sliding_attention") {
      value.refuse("full_attention or sliding_attention");
    }
    slides.push_back(type == "sliding_attention");
  }
  return slides;
}

std::vector<bool> sliding_from(int64_t first, int64_t num_layers) {
  std::vector<bool> slides(static_cast<size_t>(num_layers));
  for (int64_t i = first; i < num_layers; ++i) slides[static_cast<size_t>(i)] = true;
  return slides;
}

// Every window_pattern-th layer is a full one.
std::vector<bool> sliding_by_pattern(const JsonValue& json, const Family& family, int64_t num_layers) {
  int64_t pattern = family.absent_window_pattern;
  if (const auto value = json.find("sliding_window_pattern")) pattern = value->integer(1, kMaxLength);
  std::vector<bool> slides;
  for (int64_t i = 0; i < num_layers; ++i) slides.push_back((i + 1) % pattern != 0);
  return slides;
}

void refuse_windows(const JsonValue& json, const Family& family) {
  const auto used = json.find("use_sliding_window");
  if (used && used->boolean()) {
    used->refuse(fmt::format("false: sliding windows of {} models are not known here", family.model_type));
  }
}

}  // namespace

void read_sliding_window(const JsonValue& json, const Family& family, ModelConfig& config) {
  config.sliding_window = 0;
  config.sliding_layers.clear();
  const auto layer_types = json.find("layer_types");
  std::vector<bool> slides;  // empty: all
  if (layer_types && family.sliding_window != SlidingWindowKeys::kNone) {
    slides = sliding_layers_of(*layer_types, config.num_layers);
  }
  switch (family.sliding_window) {
    case SlidingWindowKeys::kNone:
      return;
    case SlidingWindowKeys::kUnread:
      return refuse_windows(json, family);
    case SlidingWindowKeys::kQwen: {
      const auto used = json.find("use_sliding_window");
      if (!used || !used->boolean()) return;
      const auto full_layers = json.find("max_window_layers");
      const int64_t first = full_layers ? full_layers->integer(0, kMaxLength) : kAbsentMaxWindowLayers;
      if (!layer_types) slides = sliding_from(first, config.num_layers);
      break;
    }
    case SlidingWindowKeys::kWindow:
      if (std::count(slides.begin(), slides.end(), false) > 0 && window_of(json, family) > 0) {
        layer_types->refuse(fmt::format(
            "sliding_attention everywhere: all layers of a {} model share the window", family.model_type));
      }
      break;
    case SlidingWindowKeys::kPattern:
      if (!layer_types) slides = sliding_by_pattern(json, family, config.num_layers);
      config.sliding_layers = slides;  // they have their own RoPE with a window and without
      break;
  }
  const bool any = slides.empty() || std::count(slides.begin(), slides.end(), true) > 0;
  const bool all = std::count(slides.begin(), slides.end(), false) == 0;
  config.sliding_window = any ? window_of(json, family) : 0;
  if (config.sliding_window > 0 && !all) config.sliding_layers = slides;
}

void require_within_sliding_window(const ModelConfig& config, int64_t length, const std::string& where) {
  if (config.limiting_window() == 0 || length <= config.limiting_window()) return;
  fail(ErrorKind::kBadData, WayOut::kAttendFully,
       "{}: {} tokens are more than the sliding window of {} that config.json gives the model: layers that "
       "slide cannot look back further",
       where, length, config.sliding_window);
}

void honour_window(ModelConfig& config) { config.honours_window = true; }

void attend_fully(ModelConfig& config) {
  if (config.sliding_window == 0) return;
  if (family_of(config.model_type).sliding_window == SlidingWindowKeys::kPattern) {
    fail(ErrorKind::kBadData,
         "full attention in place of sliding windows: {} models have local layers by design, and global ones "
         "that look back over everything",
         config.model_type);
  }
  config.sliding_window = 0;
  config.sliding_layers.clear();
  // The length that was stated held with the window; without it the model knows its original one.
  config.max_position_embeddings = 0;
}

}  // namespace ropeway
