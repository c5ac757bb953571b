#include "trainer/formats/gguf/gguf_rope.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/formats/gguf/gguf_names.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/rope/clipped.h"
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

// A file holds the lists in binary32, and other programs compute in binary32 what they write.
bool equal_in_binary32(const std::vector<double>& found, const std::vector<double>& wanted) {
  return std::equal(found.begin(), found.end(), wanted.begin(), wanted.end(),
                    [](double x, double y) { return std::fabs(x - y) <= 1e-5 * y; });
}

// Every key PREFIX.rope.* that is read here, which is every one that may be there.
constexpr const char* kKnownKeys[] = {"dimension_count",
                                      "freq_base",
                                      "freq_base_swa",
                                      "scale_linear",
                                      "scaling.attn_factor",
                                      "scaling.factor",
                                      "scaling.finetuned",
                                      "scaling.original_context_length",
                                      "scaling.type",
                                      "scaling.yarn_attn_factor",
                                      "scaling.yarn_beta_fast",
                                      "scaling.yarn_beta_slow",
                                      "scaling.yarn_ext_factor",
                                      "scaling.yarn_log_multiplier"};

class RopeReader {
 public:
  RopeReader(const GgufFile& file, const std::string& prefix, const Family& family, const ordered_json& json)
      : file_(file), prefix_(prefix + "rope."), window_(json["max_position_embeddings"]) {
    local_rope_ = family.local_rope_keys;
    const double rotary_share = json.value("partial_rotary_factor", 1.0);
    pairs_ = std::llround(rotary_share * static_cast<double>(json["head_dim"].get<int64_t>())) / 2;
    if (const auto base = find("freq_base")) theta_ = base->number();
  }

  double theta() const { return theta_; }

  // null: the original RoPE.
  ordered_json scaling() const {
    require_known_keys();
    const std::string type = scaling_type();
    const bool has_lists = has(kRopeFactorsLong) || has(kRopeFactorsShort);
    const bool has_freqs = has(kRopeFreqs);
    if (has_freqs + has_lists + (type == "linear" || type == "yarn") > 1) {
      fail(ErrorKind::kBadData,
           "{}: more than one of rope_freqs, rope_factors and the scaling '{}', wanted one", file_.where(),
           type);
    }
    require_number("scaling.yarn_log_multiplier", 0);
    require_number("scaling.yarn_attn_factor", 1);
    // Negative: as the type has it.
    if (const auto mix = find("scaling.yarn_ext_factor"); mix && mix->number() >= 0) {
      require_number("scaling.yarn_ext_factor", type == "yarn" ? 1 : 0);
    }
    // Phi-3 files from before the type had a key have the lists alone.
    if (type == "longrope" || has_lists) return of_longrope();
    if (type == "yarn") return of_yarn();
    require_number("scaling.attn_factor", 1);
    if (type == "linear") return of_linear();
    return has_freqs ? of_llama3() : ordered_json(nullptr);
  }

 private:
  std::optional<GgufValue> find(const std::string& name) const { return file_.find(prefix_ + name); }
  bool has(const char* tensor) const { return file_.find_tensor(tensor) != nullptr; }

  void require_known_keys() const {
    for (const std::string& key : file_.keys()) {
      if (!key.starts_with(prefix_)) continue;
      const std::string name = key.substr(prefix_.size());
      if (std::find(std::begin(kKnownKeys), std::end(kKnownKeys), name) == std::end(kKnownKeys)) {
        file_.at(key).refuse("no such key: what it does to RoPE is not known here");
      }
    }
    // Granite in llama.cpp: false turns RoPE off.
    const auto finetuned = find("scaling.finetuned");
    if (finetuned && !finetuned->boolean() && prefix_ == "granite.rope.") {
      finetuned->refuse("true: a model without RoPE is not known here");
    }
    if (!local_rope_) require_number("freq_base_swa", theta_);
  }

  void require_number(const char* name, double wanted) const {
    const auto value = find(name);
    if (value && value->number() != wanted) value->refuse(fmt::format("{}", wanted));
  }

  // By its name of today or that of 2023; 1 where there is none, for which 0 stands as well.
  double scale() const {
    const auto newer = find("scaling.factor"), older = find("scale_linear");
    if (newer && older && newer->number() != older->number()) {
      older->refuse(fmt::format("the same as {}, {}", newer->key(), newer->number()));
    }
    const double scale = newer ? newer->number() : older ? older->number() : 1;
    return scale == 0 ? 1 : scale;
  }

  // A factor without a type is linear, as llama.cpp has it.
  std::string scaling_type() const {
    const auto stated = find("scaling.type");
    const std::string type = stated ? stated->string() : scale() == 1 ? "none" : "linear";
    if (type == "linear" && scale() == 1) return "none";
    for (const char* known : {"none", "linear", "yarn", "longrope"}) {
      if (type == known) return type;
    }
    stated->refuse("none, linear, yarn or longrope");
  }

  ordered_json of_llama3() const {
    const std::vector<double> factors = table_of(file_, kRopeFreqs, pairs_);
    const Llama3Options rule{.factor = std::max(factors.back(), 1.0)};
    const std::vector<double> wanted = llama3_factors({pairs_, theta_, window_}, rule);
    if (equal_in_binary32(factors, wanted) && rule.factor > 1 && window_ >= rule.pretrained_length) {
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
            {"original_max_position_embeddings", window_}};
  }

  ordered_json of_longrope() const {
    if (scale() != 1) {
      const auto stated = find("scaling.factor");
      (stated ? *stated : *find("scale_linear")).refuse("1 beside lists of factors");
    }
    ordered_json block;
    int64_t original = window_;
    if (const auto value = find("scaling.original_context_length")) original = value->integer(2, window_);
    block["rope_type"] = "longrope";
    block["short_factor"] = table_of(file_, kRopeFactorsShort, pairs_);
    block["long_factor"] = table_of(file_, kRopeFactorsLong, pairs_);
    block["original_max_position_embeddings"] = original;
    const double reach = static_cast<double>(window_) / static_cast<double>(original);
    // Of a window that is the original one the lists say how far they reach.
    if (window_ > original) block["factor"] = reach;
    double temperature = 1;
    if (const auto value = find("scaling.attn_factor")) temperature = value->number();
    // The file keeps 24 bits of the number: where they equal the formula's, the formula was meant.
    if (static_cast<float>(temperature) !=
        static_cast<float>(attention_temperature(TemperatureFormula::kSu, reach, original))) {
      block["attention_factor"] = temperature;
    }
    return block;
  }

  ordered_json of_linear() const {
    ordered_json block = {{"rope_type", "linear"}, {"factor", scale()}};
    if (const auto value = find("scaling.original_context_length")) {
      block["original_max_position_embeddings"] = value->integer(2, window_);
    }
    return block;
  }

  ordered_json of_yarn() const {
    const double factor = scale();
    ordered_json block = {{"rope_type", "yarn"}, {"factor", factor}};
    if (const auto value = find("scaling.original_context_length")) {
      block["original_max_position_embeddings"] = value->integer(2, kMaxLength);
    }
    for (const char* beta : {"beta_fast", "beta_slow"}) {
      if (const auto value = find(fmt::format("scaling.yarn_{}", beta))) block[beta] = value->number();
    }
    if (const auto value = find("scaling.attn_factor"); value && value->number() != 1) {
      block["attention_factor"] = value->number() * (0.1 * std::log(factor) + 1);
    }
    return block;
  }

  const GgufFile& file_;
  const std::string prefix_;
  const int64_t window_;
  int64_t pairs_ = 0;
  double theta_ = 10000;
  bool local_rope_ = false;  // layers with a window have a base of their own
};

}  // namespace

void add_gguf_rope(const GgufFile& file, const std::string& prefix, const Family& family,
                   ordered_json& json) {
  const RopeReader reader(file, prefix, family, json);
  json["rope_theta"] = reader.theta();
  if (ordered_json scaling = reader.scaling(); !scaling.is_null()) json["rope_scaling"] = std::move(scaling);
}

FactorFile restore_factor_sets(const GgufValue& json, const ParsedConfig& parsed, const std::string& where) {
  FactorFile file = factor_sets_from_json(json.string(), where + ": " + json.key());
  const std::vector<FactorSet>& sets = file.sets;
  for (const FactorSet& set : sets) {
    check_factor_set(set, parsed.config.rotary_pairs(), parsed.config.num_layers, where + ": " + json.key());
  }
  for (const FactorSet& used : parsed.sets) {
    const bool known = used.factors == identity_factors(parsed.config.rotary_pairs()) ||
                       std::any_of(sets.begin(), sets.end(), [&](const FactorSet& set) {
                         return equal_in_binary32(used.factors, with_finite_factors(set.factors));
                       });
    if (!known) {
      fail(ErrorKind::kBadData, "{}: {}: has no set with the factors of {}: one of them was changed", where,
           json.key(), used.name == "short" ? kRopeFactorsShort : kRopeFactorsLong);
    }
  }
  return file;
}

}  // namespace ropeway
