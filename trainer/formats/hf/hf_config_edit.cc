#include "trainer/formats/hf/hf_config_edit.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/rope/auto_factors.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

constexpr std::initializer_list<const char*> kRopeKeys = {"max_position_embeddings",
                                                          "original_max_position_embeddings",
                                                          "rope_theta",
                                                          "rope_local_base_freq",
                                                          "rope_scaling",
                                                          "rope_parameters"};
constexpr std::initializer_list<const char*> kSlidingKeys = {"sliding_window", "use_sliding_window",
                                                             "max_window_layers", "layer_types"};

// tokenizer_config.json may list every added token.
constexpr JsonLimits kEditLimits = {.max_bytes = 128 << 20};

ordered_json parsed(const std::string& text, const std::string& where) {
  if (!parse_strict_json(text, where, kEditLimits).is_object()) {
    fail(ErrorKind::kBadData, "{}: wanted a JSON object", where);
  }
  return ordered_json::parse(text);
}

std::string text_of(const ordered_json& json) { return json.dump(2) + "\n"; }

std::string torch_name(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "float16";
    case DType::kF64:
      return "float64";
    default:
      return "float32";
  }
}

// transformers 4 calls it torch_dtype, 5 dtype; both read the old name.
void set_dtype(ordered_json& config, DType dtype) {
  config["torch_dtype"] = torch_name(dtype);
  if (config.contains("dtype")) config["dtype"] = torch_name(dtype);
}

void take_keys(ordered_json& config, const ordered_json& from, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (from.contains(key)) {
      config[key] = from[key];
    } else {
      config.erase(key);
    }
  }
}

bool same_factors(const FactorSet& a, const FactorSet& b) {
  return a.factors == b.factors && a.attention_temperature == b.attention_temperature;
}

// The set in the file that is in force, when the file already describes both sets in force.
const FactorSet* described_set(const ParsedConfig& base, const ModelConfig& config,
                               const ConfigInForce& in_force) {
  if (in_force.long_set == nullptr || base.config.original_window != config.original_window) return nullptr;
  const FactorSet original = computed_factor_set("none", config.rope_geometry(), config.original_window);
  const FactorSet short_set = auto_factor_set(base.sets, "", config.rope_geometry(), config.original_window);
  if (!same_factors(short_set, in_force.short_set != nullptr ? *in_force.short_set : original))
    return nullptr;
  const auto found = std::find_if(base.sets.begin(), base.sets.end(), [&](const FactorSet& set) {
    return same_factors(set, *in_force.long_set) && set.max_length == in_force.long_set->max_length;
  });
  return found == base.sets.end() ? nullptr : &*found;
}

// The block of rope_parameters that scaling is about: where local layers have a RoPE of their own, that of
// the others.
template <typename Json>
Json& global_block(Json& parameters) {
  return parameters.is_object() && parameters.contains("full_attention") ? parameters["full_attention"]
                                                                         : parameters;
}

// The RoPE of the file itself, in both key styles, whichever of them it has. written: what the model's own
// config.json would be.
void complete_key_styles(ordered_json& config, const ordered_json& written) {
  const bool has_old = config.contains("rope_scaling") && config["rope_scaling"].is_object();
  ordered_json block = has_old ? config["rope_scaling"] : global_block(config["rope_parameters"]);
  if (block.contains("rope_theta")) config["rope_theta"] = block["rope_theta"];
  block.erase("rope_theta");
  config["rope_scaling"] = block;
  if (config.contains("rope_theta")) block["rope_theta"] = config["rope_theta"];
  config["rope_parameters"] = written["rope_parameters"];
  global_block(config["rope_parameters"]) = block;
}

// Keys of the file's blocks that the written ones do not have: temperatures for other readers. Phi-3's reader
// in transformers 4 allows few keys in rope_scaling, so that one gets those it had before and no others.
void keep_other_keys(ordered_json& config, const ordered_json& base) {
  const auto keep = [&](const char* from, const char* to) {
    if (!base.contains(from) || !base[from].is_object()) return false;
    ordered_json& block = global_block(config[to]);
    for (const auto& [key, value] : global_block(base[from]).items()) {
      if (key != "rope_theta" && !block.contains(key)) block[key] = value;
    }
    return true;
  };
  keep("rope_scaling", "rope_scaling");
  if (!keep("rope_parameters", "rope_parameters")) keep("rope_scaling", "rope_parameters");
}

}  // namespace

std::string without_auto_map(const std::string& json, const std::string& where) {
  // Letters and "_" can be spelled in two ways only, as themselves and as \u005f: with neither there is no key.
  if (json.find("auto_map") == std::string::npos && json.find("\\u") == std::string::npos) return json;
  if (!parse_strict_json(json, where, kEditLimits).has("auto_map")) return json;
  ordered_json edited = parsed(json, where);
  edited.erase("auto_map");
  return text_of(edited);
}

std::string with_torch_dtype(const std::string& config_json, DType dtype, const std::string& where) {
  ordered_json config = parsed(config_json, where);
  set_dtype(config, dtype);
  return text_of(config);
}

std::string with_tied_head(const std::string& config_json, bool tied, const std::string& where) {
  ordered_json config = parsed(config_json, where);
  config["tie_word_embeddings"] = tied;
  return text_of(config);
}

std::string config_json_over(const std::filesystem::path& base, const ModelConfig& config,
                             const ConfigInForce& in_force) {
  const std::string generated =
      write_hf_config(config, in_force.long_set, in_force.short_set, torch_name(in_force.dtype));
  const std::filesystem::path base_file = base / "config.json";
  if (base.empty() || !std::filesystem::exists(base_file)) return generated;
  const ParsedConfig described = read_hf_config(base_file);
  ordered_json result = parsed(read_text_file(base_file), base_file.string());
  const ordered_json written = ordered_json::parse(generated);
  const FactorSet* already = described_set(described, config, in_force);
  if (already != nullptr && already->history.method != "config.json:long_factor") {
    complete_key_styles(result, written);
  } else {
    const ordered_json base_rope = already != nullptr ? result : ordered_json();
    take_keys(result, written, kRopeKeys);
    keep_other_keys(result, base_rope);
  }
  if (described.config.sliding_window != config.sliding_window) take_keys(result, written, kSlidingKeys);
  if (described.config.tie_word_embeddings != config.tie_word_embeddings) {
    result["tie_word_embeddings"] = config.tie_word_embeddings;
  }
  result.erase("auto_map");
  set_dtype(result, in_force.dtype);
  return text_of(result);
}

}  // namespace ropeway
