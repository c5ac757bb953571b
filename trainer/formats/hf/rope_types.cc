#include "trainer/formats/hf/rope_types.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/base/error.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/factor_set.h"
#include "trainer/rope/llama3.h"
#include "trainer/rope/schedules.h"
#include "trainer/rope/yarn.h"

namespace ropeway {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 40;

double positive_number(const JsonValue& value) {
  const double number = value.number();
  if (!(number > 0)) value.refuse("a number above 0");
  return number;
}

class TypeReader {
 public:
  TypeReader(const JsonValue& config, const JsonValue& block, const RopeSurroundings& around,
             RopeSettings& settings)
      : config_(config), block_(block), around_(around), pairs_(around.rotary_dim / 2), settings_(settings) {}

  void read() {
    const std::string type = rope_type();
    if (type == "longrope") read_longrope();
    if (type == "linear") read_linear();
    if (type == "yarn") read_yarn();
    if (type == "llama3") read_llama3();
  }

 private:
  std::string rope_type() const {
    const auto type = block_.find("rope_type");
    const auto old_type = block_.find("type");
    const auto name_of = [this](const JsonValue& value) {
      const std::string name = value.string();
      const bool lists = block_.find("short_factor") && block_.find("long_factor");
      const bool old_longrope =
          name == "su" || (name == "yarn" && lists && around_.family.model_type == "phi3");
      return old_longrope ? "longrope" : name;
    };
    if (type && old_type && name_of(*type) != name_of(*old_type)) {
      old_type->refuse(fmt::format("the same as rope_type, \"{}\"", type->string()));
    }
    const auto& found = type ? type : old_type;
    if (!found) return "default";
    const std::string name = name_of(*found);
    for (const char* known : {"default", "longrope", "linear", "yarn", "llama3"}) {
      if (name == known) return name;
    }
    found->refuse(
        "one of the RoPE types this program reads: default, linear, yarn, llama3, longrope (or su)");
  }

  std::vector<double> factor_list(const char* key) const {
    const JsonValue list = block_.at(key);
    std::vector<double> factors = list.numbers();
    if (static_cast<int64_t>(factors.size()) != pairs_) {
      list.refuse(fmt::format("an array of {}, one factor per rotary pair (half of the {} dims that turn)",
                              pairs_, around_.rotary_dim));
    }
    for (int64_t i = 0; i < pairs_; ++i) {
      if (!(factors[i] > 0)) list.at(i).refuse("a factor above 0");
    }
    return with_infinite_factors(std::move(factors));
  }

  void add_set(const char* name, double max_length, std::vector<double> factors, double temperature,
               const char* method) {
    FactorSet set;
    set.name = name;
    set.max_length = std::llround(max_length);
    set.original_length = settings_.original_window;
    set.rope_theta = settings_.theta;
    set.factors = std::move(factors);
    set.attention_temperature = temperature;
    set.history.method = method;
    settings_.sets.push_back(std::move(set));
  }

  // The explicit length of the original training: the top level's wins, as in transformers.
  std::optional<int64_t> stated_original() const {
    constexpr const char* kKey = "original_max_position_embeddings";
    for (const JsonValue* place : {&config_, &block_}) {
      const auto value = place->find(kKey);
      if (!value) continue;
      const int64_t original = value->integer(2, kMaxLength);
      if (around_.max_positions < original) {
        config_.at("max_position_embeddings")
            .refuse(fmt::format("at least the original window, {}", original));
      }
      return original;
    }
    return std::nullopt;
  }
  int64_t required_original() const {
    const auto original = stated_original();
    if (!original) block_.at("original_max_position_embeddings");  // throws: missing
    return *original;
  }

  double scale_factor(const JsonValue& value) const {
    const double factor = value.number();
    if (!(factor >= 1) || factor > static_cast<double>(kMaxLength)) value.refuse("a number of 1 or more");
    return factor;
  }
  double scale_factor_or_ratio() const {
    if (const auto value = block_.find("factor")) return scale_factor(*value);
    return static_cast<double>(around_.max_positions) / static_cast<double>(settings_.original_window);
  }
  std::optional<double> stated_temperature(const char* key) const {
    const auto value = block_.find(key);
    return value ? std::optional(positive_number(*value)) : std::nullopt;
  }

  void read_longrope() {
    settings_.original_window = required_original();
    const double formula =
        attention_temperature(TemperatureFormula::kSu, scale_factor_or_ratio(), settings_.original_window);
    const auto temperature = [&](const char* mscale_key) {
      if (const auto stated = stated_temperature("attention_factor")) return *stated;
      return stated_temperature(mscale_key).value_or(formula);
    };
    std::vector<double> short_factors = factor_list("short_factor");
    const double short_temperature = temperature("short_mscale");
    std::vector<double> long_factors = factor_list("long_factor");
    const double max_length = long_list_length(short_factors, long_factors);
    if (short_temperature != 1 || short_factors != identity_factors(pairs_)) {
      add_set("short", static_cast<double>(settings_.original_window), std::move(short_factors),
              short_temperature, "config.json:short_factor");
    }
    add_set("long", max_length, std::move(long_factors), temperature("long_mscale"),
            "config.json:long_factor");
    // Where the two lists differ, what lies within the original window is the short one's.
    if (max_length > static_cast<double>(settings_.original_window)) {
      settings_.sets.back().above = settings_.original_window;
    }
  }

  // The long list is for sequences beyond the original window. A file that declares no longer ones says with
  // `factor` how far it reaches, or else the list does with its largest factor; where both lists are the same
  // they are one schedule for the window. Infinite factors, of pairs that do not turn, say nothing of it.
  double long_list_length(const std::vector<double>& short_factors,
                          const std::vector<double>& long_factors) const {
    const auto original = static_cast<double>(settings_.original_window);
    if (around_.max_positions > settings_.original_window || short_factors == long_factors) {
      return static_cast<double>(around_.max_positions);
    }
    const auto stated = block_.find("factor");
    double largest = 1;
    for (const double factor : long_factors) {
      if (std::isfinite(factor)) largest = std::max(largest, factor);
    }
    const double reach = stated ? scale_factor(*stated) : largest;
    return std::max(std::round(reach * original), original + 1);
  }

  // One schedule at every length.
  void add_uniform(const char* type, double factor, const std::vector<double>& factors, double temperature,
                   const char* method) {
    const auto window = static_cast<double>(settings_.original_window);
    add_set("short", window, factors, temperature, method);
    add_set(type, factor * window, factors, temperature, method);
  }

  void read_linear() {
    settings_.original_window = stated_original().value_or(around_.max_positions);
    const double factor = scale_factor(block_.at("factor"));
    add_uniform("linear", factor, pi_factors(pairs_, factor), 1, "config.json:linear");
  }

  // A zero stands for the default, as in transformers.
  double number_or(const char* key, double fallback) const {
    const auto value = block_.find(key);
    if (!value) return fallback;
    const double number = value->number();
    if (number < 0) value->refuse("a number of 0 or more");
    return number == 0 ? fallback : number;
  }

  void read_yarn() {
    settings_.original_window = stated_original().value_or(around_.max_positions);
    const double factor = scale_factor_or_ratio();
    YarnOptions options;
    options.beta_fast = number_or("beta_fast", options.beta_fast);
    options.beta_slow = number_or("beta_slow", options.beta_slow);
    if (const auto value = block_.find("truncate")) options.truncate = value->boolean();
    const double mscale = number_or("mscale", 0), mscale_all_dim = number_or("mscale_all_dim", 0);
    const auto formula = [factor](double share) {
      return factor <= 1 ? 1.0 : 0.1 * share * std::log(factor) + 1;
    };
    const double inferred =
        mscale > 0 && mscale_all_dim > 0 ? formula(mscale) / formula(mscale_all_dim) : formula(1);
    add_uniform("yarn", factor,
                yarn_factors({pairs_, settings_.theta, settings_.original_window}, factor, options),
                stated_temperature("attention_factor").value_or(inferred), "config.json:yarn");
  }

  void read_llama3() {
    Llama3Options options;
    options.pretrained_length = required_original();
    options.factor = scale_factor(block_.at("factor"));
    options.low_turns = positive_number(block_.at("low_freq_factor"));
    options.high_turns = positive_number(block_.at("high_freq_factor"));
    if (options.high_turns <= options.low_turns) {
      block_.at("high_freq_factor").refuse(fmt::format("more than low_freq_factor, {}", options.low_turns));
    }
    settings_.original_window = around_.max_positions;
    add_set(kLlama3Set, static_cast<double>(around_.max_positions),
            llama3_factors({pairs_, settings_.theta, settings_.original_window}, options), 1,
            "config.json:llama3");
  }

  const JsonValue& config_;
  const JsonValue& block_;
  const RopeSurroundings& around_;
  const int64_t pairs_;
  RopeSettings& settings_;
};

}  // namespace

void read_rope_type(const JsonValue& config, const JsonValue& block, const RopeSurroundings& around,
                    RopeSettings& settings) {
  TypeReader(config, block, around, settings).read();
}

}  // namespace ropeway
