#include "trainer/io/rope_settings.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 40;

// What both readers of one block need to know of the rest of the file.
struct Surroundings {
  JsonValue config;
  int64_t pairs, window, max_positions;
};

double positive_number(const JsonValue& value, const char* wanted) {
  const double number = value.number();
  if (!(number > 0)) value.refuse(wanted);
  return number;
}

std::string rope_type_of(const JsonValue& block) {
  const auto type = block.find("rope_type");
  const auto old_type = block.find("type");
  if (type && old_type && type->string() != old_type->string()) {
    const bool renamed = type->string() == "longrope" && old_type->string() == "su";
    if (!renamed) old_type->refuse(fmt::format("the same as rope_type, \"{}\"", type->string()));
  }
  const auto& found = type ? type : old_type;
  if (!found) return "default";
  const std::string name = found->string();
  if (name == "su") return "longrope";
  if (name != "default" && name != "longrope" && name != "linear" && name != "yarn") {
    found->refuse("one of the RoPE types this program reads: default, linear, yarn, longrope (or su)");
  }
  return name;
}

std::vector<double> factor_list(const JsonValue& list, int64_t pairs) {
  std::vector<double> factors = list.numbers();
  if (static_cast<int64_t>(factors.size()) != pairs) {
    list.refuse(fmt::format("an array of {}, one factor a rotary pair (head_dim / 2)", pairs));
  }
  for (int64_t i = 0; i < pairs; ++i) {
    if (!(factors[i] > 0)) list.at(i).refuse("a factor above 0");
  }
  return factors;
}

FactorSet make_set(std::string name, const RopeSettings& settings, double max_length,
                   std::vector<double> factors, double temperature, const char* method) {
  FactorSet set;
  set.name = std::move(name);
  set.max_length = std::llround(max_length);
  set.original_length = settings.original_window;
  set.rope_theta = settings.theta;
  set.factors = std::move(factors);
  set.attention_temperature = temperature;
  set.history.method = method;
  return set;
}

// The explicit length of the original training: the top level's wins, as in transformers.
std::optional<int64_t> stated_original(const JsonValue& block, const Surroundings& around) {
  constexpr const char* kKey = "original_max_position_embeddings";
  for (const JsonValue* place : {&around.config, &block}) {
    if (const auto value = place->find(kKey)) return value->integer(2, kMaxLength);
  }
  return std::nullopt;
}

double scale_factor(const JsonValue& value) {
  const double factor = value.number();
  if (!(factor >= 1) || factor > static_cast<double>(kMaxLength)) value.refuse("a number of 1 or more");
  return factor;
}

void read_longrope(const JsonValue& block, const Surroundings& around, RopeSettings& settings) {
  const auto original = stated_original(block, around);
  if (!original) block.at("original_max_position_embeddings");  // throws: missing
  settings.original_window = *original;
  if (around.max_positions < *original) {
    around.config.at("max_position_embeddings")
        .refuse(fmt::format("at least the original window, {}", *original));
  }
  const auto stated_factor = block.find("factor");
  const double factor = stated_factor
                            ? scale_factor(*stated_factor)
                            : static_cast<double>(around.max_positions) / static_cast<double>(*original);
  const double formula = attention_temperature("su", factor, *original);
  auto temperature = [&](const char* mscale_key) {
    for (const char* key : {"attention_factor", mscale_key}) {
      if (const auto value = block.find(key)) return positive_number(*value, "a number above 0");
    }
    return formula;
  };
  FactorSet short_set = make_set("short", settings, static_cast<double>(*original),
                                 factor_list(block.at("short_factor"), around.pairs),
                                 temperature("short_mscale"), "config.json:short_factor");
  if (short_set.attention_temperature != 1 || short_set.factors != identity_factors(around.pairs)) {
    settings.sets.push_back(std::move(short_set));
  }
  settings.sets.push_back(make_set("long", settings, static_cast<double>(around.max_positions),
                                   factor_list(block.at("long_factor"), around.pairs),
                                   temperature("long_mscale"), "config.json:long_factor"));
}

void read_uniform(const std::string& type, const JsonValue& block, const Surroundings& around,
                  RopeSettings& settings) {
  settings.original_window = stated_original(block, around).value_or(around.window);
  const double factor = scale_factor(block.at("factor"));
  std::vector<double> factors;
  double temperature = 1;
  if (type == "linear") {
    factors = pi_factors(around.pairs, factor);
  } else {
    for (const char* key : {"mscale", "mscale_all_dim", "truncate"}) {
      if (const auto value = block.find(key)) value->refuse("no such key: this variant of yarn is not read");
    }
    YarnOptions options;
    if (const auto value = block.find("beta_fast"))
      options.beta_fast = positive_number(*value, "a number above 0");
    if (const auto value = block.find("beta_slow"))
      options.beta_slow = positive_number(*value, "a number above 0");
    factors = yarn_factors({around.pairs, settings.theta, settings.original_window}, factor, options);
    temperature = attention_temperature("yarn", factor, settings.original_window);
    if (const auto value = block.find("attention_factor"))
      temperature = positive_number(*value, "a number above 0");
  }
  const auto window = static_cast<double>(settings.original_window);
  const char* method = type == "linear" ? "config.json:linear" : "config.json:yarn";
  settings.sets.push_back(make_set("short", settings, window, factors, temperature, method));
  settings.sets.push_back(make_set(type, settings, factor * window, std::move(factors), temperature, method));
}

RopeSettings read_block(const JsonValue& block, const Surroundings& around, double theta) {
  RopeSettings settings;
  settings.theta = theta;
  settings.original_window = around.window;
  if (const auto value = block.find("partial_rotary_factor"); value && value->number() != 1) {
    value->refuse("1: partly rotated heads are not supported");
  }
  for (const std::string& key : block.keys()) {
    if (block.at(key).is_object()) block.at(key).refuse("one RoPE for all layers: a number, string or list");
  }
  const std::string type = rope_type_of(block);
  if (type == "longrope") {
    read_longrope(block, around, settings);
  } else if (type != "default") {
    read_uniform(type, block, around, settings);
  }
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

RopeSettings read_rope_settings(const JsonValue& config, int64_t pairs, int64_t window,
                                int64_t max_positions) {
  const Surroundings around{config, pairs, window, max_positions};
  const auto scaling = config.find("rope_scaling");
  const auto parameters = config.find("rope_parameters");
  const double top_theta = read_theta(config, 10000.0);
  // transformers 5 moves the base into rope_parameters; where both levels have one the inner wins.
  const double theta = parameters ? read_theta(*parameters, top_theta) : top_theta;
  std::optional<RopeSettings> settings;
  if (scaling) settings = read_block(*scaling, around, read_theta(*scaling, theta));
  if (parameters) {
    RopeSettings newer = read_block(*parameters, around, theta);
    if (settings && !same(*settings, newer))
      parameters->refuse("the same RoPE as rope_scaling describes, or only one of them");
    settings = std::move(newer);
  }
  if (!settings) {
    settings.emplace();
    settings->theta = theta;
    settings->original_window = window;
  }
  return std::move(*settings);
}

}  // namespace ropeway
