#include "trainer/formats/hf/rope_settings.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "trainer/formats/hf/rope_types.h"

namespace ropeway {
namespace {

RopeSettings read_block(const JsonValue& config, const JsonValue& block, const RopeSurroundings& around,
                        double theta) {
  for (const std::string& key : block.keys()) {
    if (block.at(key).is_object()) block.at(key).refuse("one RoPE for all layers: a number, string or list");
  }
  RopeSettings settings;
  settings.theta = theta;
  read_rope_type(config, block, around, settings);
  return settings;
}

double read_theta(const JsonValue& holder, double fallback) {
  const auto value = holder.find("rope_theta");
  if (!value) return fallback;
  const double theta = value->number();
  if (!(theta > 1)) value->refuse("a base above 1");
  return theta;
}

bool same(const RopeSettings& a, const RopeSettings& b) {
  return a.theta == b.theta && a.original_window == b.original_window &&
         std::equal(a.sets.begin(), a.sets.end(), b.sets.begin(), b.sets.end(),
                    [](const FactorSet& x, const FactorSet& y) {
                      return x.name == y.name && x.max_length == y.max_length && x.factors == y.factors &&
                             x.attention_temperature == y.attention_temperature;
                    });
}

}  // namespace

int64_t read_rotary_dim(const JsonValue& config, const Family& family, int64_t head_dim) {
  auto rotary_dim = static_cast<int64_t>(static_cast<double>(head_dim) * family.absent_partial_rotary);
  bool stated = false;
  for (const char* level : {"rope_parameters", "rope_scaling", ""}) {
    const auto holder = *level == '\0' ? std::optional<JsonValue>(config) : config.find(level);
    const auto value = holder ? holder->find("partial_rotary_factor") : std::nullopt;
    if (!value) continue;
    const double share = value->number();
    if (!(share > 0 && share <= 1)) value->refuse("a share of a head's dims, above 0 and at most 1");
    if (share != 1 && !family.partial_rotary) {
      value->refuse(fmt::format("1: in {} models RoPE turns whole heads", family.model_type));
    }
    const auto dims = static_cast<int64_t>(static_cast<double>(head_dim) * share);
    if (dims < 2 || dims % 2 != 0) {
      value->refuse(
          fmt::format("a share that makes an even number of the {} dims of a head, not {}", head_dim, dims));
    }
    if (stated && dims != rotary_dim) value->refuse("the same as the key says at another level of the file");
    rotary_dim = dims;
    stated = true;
  }
  return rotary_dim;
}

namespace {

// Where layers of two kinds have a RoPE each, rope_parameters holds one block for each kind.
std::optional<JsonValue> block_of(const std::optional<JsonValue>& parameters, const Family& family,
                                  const char* kind) {
  if (!parameters || !family.local_rope_keys) return std::nullopt;
  return parameters->find(kind);
}

double read_local_theta(const JsonValue& config, const std::optional<JsonValue>& block) {
  constexpr double kAbsentLocalTheta = 10000;
  const auto named = [](const JsonValue& holder, const char* key, double fallback) {
    const auto value = holder.find(key);
    if (!value) return fallback;
    if (!(value->number() > 1)) value->refuse("a base above 1");
    return value->number();
  };
  const double theta = named(config, "rope_local_base_freq", kAbsentLocalTheta);
  if (!block) return theta;
  if (const auto type = block->find("rope_type"); type && type->string() != "default") {
    type->refuse("\"default\": sliding layers have a plain RoPE");
  }
  return named(*block, "rope_theta", theta);
}

}  // namespace

double rotary_share(int64_t rotary_dim, int64_t head_dim) {
  const auto dims = static_cast<double>(rotary_dim), all = static_cast<double>(head_dim);
  const double share = dims / all;
  return all * share < dims ? std::nextafter(share, 1.0) : share;
}

RopeSettings read_rope_settings(const JsonValue& config, const RopeSurroundings& around) {
  const auto scaling = config.find("rope_scaling");
  const auto all_parameters = config.find("rope_parameters");
  const auto global = block_of(all_parameters, around.family, "full_attention");
  const auto& parameters = global ? global : all_parameters;
  const double top_theta = read_theta(config, around.family.absent_rope_theta);
  // transformers 5 moves the base into rope_parameters; where both levels have one the inner wins.
  const double theta = parameters ? read_theta(*parameters, top_theta) : top_theta;
  std::optional<RopeSettings> settings;
  if (scaling) settings = read_block(config, *scaling, around, read_theta(*scaling, theta));
  if (parameters) {
    RopeSettings newer = read_block(config, *parameters, around, theta);
    if (settings && !same(*settings, newer))
      parameters->refuse("the same RoPE as rope_scaling describes, or only one of them");
    settings = std::move(newer);
  }
  if (!settings) {
    settings.emplace();
    settings->theta = theta;
  }
  if (around.family.local_rope_keys) {
    settings->local_theta =
        read_local_theta(config, block_of(all_parameters, around.family, "sliding_attention"));
  }
  return std::move(*settings);
}

}  // namespace ropeway
