#include "trainer/formats/gguf/gguf_rope.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/formats/gguf/gguf_names.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaxLength = int64_t{1} << 40;

std::vector<double> table_of(const GgufFile& file, const char* name, int64_t pairs) {
  const GgufTensor& tensor = file.tensor(name);
  if (tensor.shape != std::vector<int64_t>{pairs}) {
    fail(ErrorKind::kBadData, "{}: tensor '{}': {} rows of {}, wanted {} factors, one per rotary pair",
         file.where(), name, tensor.rows(), tensor.columns(), pairs);
  }
  std::vector<float> values(static_cast<size_t>(pairs));
  tensor.read_row(0, values.data());
  for (const float value : values) {
    if (!std::isfinite(value) || !(value > 0)) {
      fail(ErrorKind::kBadData, "{}: tensor '{}': found the factor {}, wanted finite ones above 0",
           file.where(), name, value);
    }
  }
  return {values.begin(), values.end()};
}

// A file has the lists in binary32, and so do other programs compute what they write.
bool equal_in_binary32(const std::vector<double>& found, const std::vector<double>& wanted) {
  return std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(),
                    [](double x, double y) { return std::fabs(x - y) <= 1e-5 * y; });
}

ordered_json of_llama3(const GgufFile& file, int64_t pairs, double theta, int64_t window) {
  const std::vector<double> factors = table_of(file, kRopeFreqs, pairs);
  const Llama3Options rule{.factor = std::max(factors.back(), 1.0)};
  const std::vector<double> wanted = llama3_factors({pairs, theta, window}, rule);
  if (equal_in_binary32(factors, wanted) && rule.factor > 1 && window >= rule.pretrained_length) {
    return {{"rope_type", "llama3"},
            {"factor", rule.factor},
            {"low_freq_factor", rule.low_turns},
            {"high_freq_factor", rule.high_turns},
            {"original_max_position_embeddings", rule.pretrained_length}};
  }
  return {{"rope_type", "longrope"},
          {"short_factor", factors},
          {"long_factor", factors},
          {"attention_factor", 1.0},
          {"original_max_position_embeddings", window}};
}

ordered_json of_longrope(const GgufFile& file, const std::string& prefix, int64_t pairs, int64_t window) {
  ordered_json block;
  int64_t original = window;
  if (const auto value = file.find(prefix + "rope.scaling.original_context_length")) {
    original = value->integer(2, window);
  }
  block["rope_type"] = "longrope";
  block["short_factor"] = table_of(file, kRopeFactorsShort, pairs);
  block["long_factor"] = table_of(file, kRopeFactorsLong, pairs);
  block["original_max_position_embeddings"] = original;
  const double scale = static_cast<double>(window) / static_cast<double>(original);
  block["factor"] = scale;
  double temperature = 1;
  if (const auto value = file.find(prefix + "rope.scaling.attn_factor")) temperature = value->number();
  // The file has 24 bits of it: where they are the formula's, the formula was meant.
  if (static_cast<float>(temperature) !=
      static_cast<float>(attention_temperature(TemperatureFormula::kSu, scale, original))) {
    block["attention_factor"] = temperature;
  }
  return block;
}

ordered_json of_uniform(const GgufFile& file, const std::string& prefix, const std::string& type) {
  ordered_json block;
  const double factor = file.at(prefix + "rope.scaling.factor").number();
  block["rope_type"] = type;
  block["factor"] = factor;
  if (type == "linear") return block;
  if (const auto value = file.find(prefix + "rope.scaling.original_context_length")) {
    block["original_max_position_embeddings"] = value->integer(2, kMaxLength);
  }
  for (const char* beta : {"beta_fast", "beta_slow"}) {
    if (const auto value = file.find(prefix + "rope.scaling.yarn_" + beta)) block[beta] = value->number();
  }
  if (const auto value = file.find(prefix + "rope.scaling.attn_factor"); value && value->number() != 1) {
    block["attention_factor"] = value->number() * (0.1 * std::log(factor) + 1);
  }
  return block;
}

}  // namespace

void add_gguf_rope(const GgufFile& file, const std::string& prefix, ordered_json& json) {
  double theta = 10000;
  if (const auto base = file.find(prefix + "rope.freq_base")) theta = base->number();
  json["rope_theta"] = theta;
  const int64_t window = json["max_position_embeddings"];
  const double rotary_share = json.value("partial_rotary_factor", 1.0);
  const auto pairs = std::llround(rotary_share * static_cast<double>(json["head_dim"].get<int64_t>())) / 2;

  const auto scaling = file.find(prefix + "rope.scaling.type");
  const std::string type = scaling ? scaling->string() : "none";
  // Phi-3 files from before the key have the tables alone.
  const bool has_tables = file.find_tensor(kRopeFactorsLong) != nullptr;
  if (type == "longrope" || (has_tables && type == "none")) {
    json["rope_scaling"] = of_longrope(file, prefix, pairs, window);
  } else if (type == "linear" || type == "yarn") {
    json["rope_scaling"] = of_uniform(file, prefix, type);
  } else if (type != "none") {
    scaling->refuse("none, linear, yarn or longrope");
  } else if (file.find_tensor(kRopeFreqs) != nullptr) {
    json["rope_scaling"] = of_llama3(file, pairs, theta, window);
  }
}

std::vector<FactorSet> restore_factor_sets(const GgufValue& json, const ParsedConfig& parsed,
                                           const std::string& where) {
  std::vector<FactorSet> sets = factor_sets_from_json(json.string(), where + ": " + json.key());
  for (const FactorSet& set : sets) {
    check_factor_set(set, parsed.config.rotary_pairs(), parsed.config.num_layers, where + ": " + json.key());
  }
  for (const FactorSet& used : parsed.sets) {
    const bool known = used.factors == identity_factors(parsed.config.rotary_pairs()) ||
                       std::any_of(sets.begin(), sets.end(), [&](const FactorSet& set) {
                         return equal_in_binary32(used.factors, set.factors);
                       });
    if (!known) {
      fail(ErrorKind::kBadData, "{}: {}: has no set with the factors of {}: one of them was changed", where,
           json.key(), used.name == "short" ? kRopeFactorsShort : kRopeFactorsLong);
    }
  }
  return sets;
}

}  // namespace ropeway
