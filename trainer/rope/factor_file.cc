#include "trainer/rope/factor_file.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

constexpr const char* kFormat = "ropeway-factors";
constexpr int64_t kVersion = 4;
constexpr int64_t kMaxLength = int64_t{1} << 40;

// JSON has no infinities; a search's failed fitness is written as null and comes back as NaN.
ordered_json number_or_null(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json factors_to_json(const std::vector<double>& factors) {
  ordered_json list = ordered_json::array();
  for (const double factor : factors) list.push_back(number_or_null(factor));
  return list;
}

std::vector<double> factors_from_json(const JsonValue& json) {
  std::vector<double> factors;
  for (int64_t i = 0; i < json.size(); ++i) {
    const JsonValue factor = json.at(i);
    factors.push_back(factor.is_null() ? std::numeric_limits<double>::infinity() : factor.number());
  }
  return factors;
}

ordered_json to_json(const FactorSet& set) {
  const FactorHistory& h = set.history;
  ordered_json json;
  json["name"] = set.name;
  json["max_length"] = set.max_length;
  json["original_length"] = set.original_length;
  json["rope_theta"] = set.rope_theta;
  json["attention_temperature"] = set.attention_temperature;
  json["start_tokens"] = set.start_tokens;
  if (set.above > 0) json["above"] = set.above;
  if (!set.weights.empty()) json["weights"] = set.weights;
  json["factors"] = factors_to_json(set.factors);
  ordered_json history = {{"method", h.method},
                          {"stage", h.stage},
                          {"parent", h.parent},
                          {"recipe_sha256", h.recipe_sha256},
                          {"search_sha256", h.search_sha256},
                          {"data_fingerprint", h.data_fingerprint}};
  if (h.short_share > 0) history["short_share"] = h.short_share;
  history["fitness"] = number_or_null(h.fitness);
  history["forward_equivalents"] = number_or_null(h.forward_equivalents);
  json["history"] = std::move(history);
  return json;
}

FactorHistory history_from_json(const JsonValue& json) {
  json.require_known_keys({"method", "stage", "parent", "recipe_sha256", "search_sha256", "data_fingerprint",
                           "short_share", "fitness", "forward_equivalents"});
  auto text = [&](const char* key) {
    const auto value = json.find(key);
    return value ? value->string() : std::string();
  };
  auto number = [&](const char* key) {
    const auto value = json.find(key);
    return value ? value->number() : std::nan("");
  };
  FactorHistory history;
  history.method = text("method");
  history.stage = text("stage");
  history.parent = text("parent");
  history.recipe_sha256 = text("recipe_sha256");
  history.search_sha256 = text("search_sha256");
  history.data_fingerprint = text("data_fingerprint");
  if (const auto share = json.find("short_share")) {
    history.short_share = share->number();
    if (!(history.short_share > 0 && history.short_share < 1)) share->refuse("a share between 0 and 1");
  }
  history.fitness = number("fitness");
  history.forward_equivalents = number("forward_equivalents");
  return history;
}

FactorSet set_from_json(const JsonValue& json, const std::string& where) {
  json.require_known_keys({"name", "max_length", "original_length", "rope_theta", "attention_temperature",
                           "start_tokens", "above", "weights", "factors", "history"});
  FactorSet set;
  set.name = json.at("name").string();
  set.max_length = json.at("max_length").integer(1, kMaxLength);
  set.original_length = json.at("original_length").integer(1, kMaxLength);
  set.rope_theta = json.at("rope_theta").number();
  set.attention_temperature = json.at("attention_temperature").number();
  set.start_tokens = json.at("start_tokens").integer(0, kMaxLength);
  if (const auto above = json.find("above")) set.above = above->integer(0, kMaxLength);
  if (const auto weights = json.find("weights")) set.weights = weights->string();
  set.factors = factors_from_json(json.at("factors"));
  if (set.factors.empty()) json.at("factors").refuse("at least one factor");
  if (const auto history = json.find("history")) set.history = history_from_json(*history);
  check_factor_set(set, static_cast<int64_t>(set.factors.size()), 1, where);
  return set;
}

}  // namespace

std::string factor_sets_to_json(const std::vector<FactorSet>& sets, const std::string& weights) {
  ordered_json json;
  json["format"] = kFormat;
  json["version"] = kVersion;
  if (!weights.empty()) json["weights"] = weights;
  json["sets"] = ordered_json::array();
  for (const FactorSet& set : sets) {
    check_factor_set(set, static_cast<int64_t>(set.factors.size()), 1, "factor sets to write");
    json["sets"].push_back(to_json(set));
  }
  return json.dump(1) + "\n";
}

FactorFile factor_sets_from_json(const std::string& text, const std::string& where) {
  const JsonValue json = parse_strict_json(text, where, {.max_bytes = 64 << 20});
  json.require_known_keys({"format", "version", "weights", "sets"});
  const JsonValue format = json.at("format");
  if (format.string() != kFormat) format.refuse(fmt::format("\"{}\"", kFormat));
  const JsonValue version = json.at("version");
  if (version.integer(1, INT64_MAX) > kVersion)
    version.refuse(fmt::format("version {} or older, which this program reads", kVersion));
  FactorFile file;
  if (const auto weights = json.find("weights")) file.weights = weights->string();
  std::set<std::string> names;
  const JsonValue list = json.at("sets");
  for (int64_t i = 0; i < list.size(); ++i) {
    file.sets.push_back(set_from_json(list.at(i), where));
    if (!names.insert(file.sets.back().name).second) list.at(i).at("name").refuse("a name no other set has");
  }
  return file;
}

FactorFile read_factor_file(const std::filesystem::path& path) {
  return factor_sets_from_json(read_text_file(path), path.string());
}

void write_factor_file(const std::filesystem::path& path, const std::vector<FactorSet>& sets,
                       const std::string& weights) {
  write_file_atomically(path, factor_sets_to_json(sets, weights));
}

}  // namespace ropeway
