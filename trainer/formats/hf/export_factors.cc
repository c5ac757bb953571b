#include "trainer/formats/hf/export_factors.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/rope/auto_factors.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

class Chooser {
 public:
  Chooser(const ModelConfig& config, const std::vector<FactorSet>& sets, const ExportRequest& request)
      : config_(config),
        sets_(sets),
        request_(request),
        window_(config.original_window),
        original_(computed_factor_set("none", config.rope_geometry(), window_)),
        base_(computed_factor_set("none", config.rope_geometry(), window_, base_factors(sets))) {}

  std::vector<ExportFactors> choose() const {
    if (request_.max_length != 0 && request_.max_length < window_) {
      throw ExportRefusal::of(
          ExportField::kMaxLength, format_length(request_.max_length),
          fmt::format("the model's original window is {}, which is the least", format_length(window_)));
    }
    const FactorSet short_set = choose_short();
    std::vector<ExportFactors> deployments;
    for (const int64_t length : lengths()) deployments.push_back(deployment(short_set, length));
    return deployments;
  }

 private:
  std::string listed() const {
    std::string names = "none";
    for (const FactorSet& set : sets_)
      names += fmt::format(", {} ({}{})", set.name, format_length(set.max_length),
                           is_own(set) ? "" : ", for earlier weights");
    return names;
  }

  FactorSet named(ExportField field, const std::string& name) const {
    if (name == "none") return base_;
    if (const FactorSet* set = find_factor_set(sets_, name)) return *set;
    throw ExportRefusal::of(field, name, fmt::format("no such factor set; there are {}", listed()));
  }

  // The exportable set whose length is closest by ratio; for the short list, one for the original window.
  const FactorSet* nearest_exportable(int64_t length, bool is_short) const {
    const FactorSet* nearest = nullptr;
    const auto distance = [&](const FactorSet& set) {
      return std::abs(std::log(static_cast<double>(set.max_length) / static_cast<double>(length)));
    };
    for (const FactorSet& set : sets_) {
      if (!is_own(set) || !is_exportable(set, config_) || (is_short && set.max_length != window_)) continue;
      if (nearest == nullptr || distance(set) <= distance(*nearest)) nearest = &set;
    }
    return nearest;
  }

  void require_exportable(const FactorSet& set, ExportField field) const {
    if (is_exportable(set, config_)) return;
    const std::string what = set.start_tokens > 0
                                 ? fmt::format("{} start tokens with the original angles", set.start_tokens)
                                 : fmt::format("{} factors, a list for each layer", set.factors.size());
    const FactorSet* nearest = nearest_exportable(set.max_length, field == ExportField::kShortFactors);
    const std::string other = nearest == nullptr ? "no such set here can be exported, the original RoPE can"
                                                 : fmt::format("nearest is '{}' ({})", nearest->name,
                                                               format_length(nearest->max_length));
    throw ExportRefusal::with_another(
        field,
        fmt::format("factor set '{}' ({}) has {}, which the formats of other tools cannot hold; {}", set.name,
                    format_length(set.max_length), what, other),
        nearest == nullptr ? "none" : nearest->name);
  }

  FactorSet choose_short() const {
    FactorSet set = request_.short_factors.empty()
                        ? chosen_at(window_)
                        : named(ExportField::kShortFactors, request_.short_factors);
    if (set.max_length < window_) {
      throw ExportRefusal::of(ExportField::kShortFactors, set.name,
                              fmt::format("is for {}, wanted one for the original window, {}",
                                          format_length(set.max_length), format_length(window_)));
    }
    require_exportable(set, ExportField::kShortFactors);
    return set;
  }

  std::vector<int64_t> lengths() const {
    if (request_.max_length != 0) return {request_.max_length};
    if (!request_.factors.empty()) {
      return {std::max(window_, named(ExportField::kFactors, request_.factors).max_length)};
    }
    std::set<int64_t> distinct;
    for (const FactorSet& set : sets_) {
      if (is_own(set) && set.max_length > window_) distinct.insert(set.max_length);
    }
    if (distinct.empty()) distinct.insert(window_);
    return {distinct.begin(), distinct.end()};
  }

  // At the original window there is one range of lengths, and one set for it, unless the model came with a
  // second list and no longer window than that.
  FactorSet choose_long(const FactorSet& short_set, int64_t length) const {
    if (!request_.factors.empty()) return named(ExportField::kFactors, request_.factors);
    if (length != window_) return chosen_at(length);
    const auto second = std::ranges::find_if(
        sets_, [this](const FactorSet& set) { return is_own(set) && is_second_list(set); });
    return second == sets_.end() ? short_set : *second;
  }

  bool is_second_list(const FactorSet& set) const {
    return set.above >= window_ && set.max_length <= window_;
  }

  bool is_own(const FactorSet& set) const { return is_for_weights(set, request_.weights); }

  FactorSet chosen_at(int64_t length) const {
    return auto_factor_set(sets_, request_.weights, config_.rope_geometry(), length);
  }

  ExportFactors deployment(const FactorSet& short_set, int64_t length) const {
    FactorSet long_set = choose_long(short_set, length);
    if (long_set.max_length < length) {
      fail(ErrorKind::kUsage, "factor set '{}' is for {}, wanted one for {}; there are {}", long_set.name,
           format_length(long_set.max_length), format_length(length), listed());
    }
    require_exportable(long_set, ExportField::kFactors);
    const ExportUse use = request_.use.value_or(usual_use(short_set, long_set, length));
    long_set.max_length = length;
    const bool one_range = length == window_ && request_.short_factors.empty() && !is_second_list(long_set);
    const bool one_set = one_range || use == ExportUse::kGeneration;
    ExportFactors chosen{.short_set = one_set ? long_set : short_set,
                         .long_set = {},
                         .max_length = length,
                         .use = use,
                         .short_for_scoring = one_range ? long_set.name : short_set.name};
    if (!is_original(long_set) || !is_original(chosen.short_set)) chosen.long_set = std::move(long_set);
    return chosen;
  }

  // See ExportRequest::use.
  ExportUse usual_use(const FactorSet& short_set, const FactorSet& long_set, int64_t length) const {
    const bool is_paired = long_set.history.method.starts_with(kDescribedMethod);
    const bool is_readjusted = short_set.max_length <= window_ && short_set.factors != base_.factors;
    const bool is_trained =
        short_set.name == kOriginalRope && std::ranges::any_of(sets_, [this](const FactorSet& set) {
          return is_own(set) && set.history.short_share > 0;
        });
    const bool is_scoring =
        length == window_ || !request_.short_factors.empty() || is_paired || is_readjusted || is_trained;
    return is_scoring ? ExportUse::kScoring : ExportUse::kGeneration;
  }

  bool is_original(const FactorSet& set) const {
    return set.factors == original_.factors && set.attention_temperature == 1 && set.start_tokens == 0;
  }

  const ModelConfig& config_;
  const std::vector<FactorSet>& sets_;
  const ExportRequest& request_;
  int64_t window_;
  FactorSet original_, base_;  // plain RoPE, and what the base model was trained under
};

}  // namespace

ExportRefusal ExportRefusal::of(ExportField field, const std::string& value, const std::string& reason) {
  return {ErrorKind::kUsage, fmt::format("{}: {}", value, reason), field, ""};
}

ExportRefusal ExportRefusal::with_another(ExportField field, const std::string& reason,
                                          const std::string& instead) {
  return {ErrorKind::kBadData, reason, field, instead};
}

bool is_exportable(const FactorSet& set, const ModelConfig& config) {
  return set.start_tokens == 0 && static_cast<int64_t>(set.factors.size()) == config.rotary_pairs();
}

std::vector<ExportFactors> choose_export_factors(const ModelConfig& config,
                                                 const std::vector<FactorSet>& sets,
                                                 const ExportRequest& request) {
  return Chooser(config, sets, request).choose();
}

}  // namespace ropeway
