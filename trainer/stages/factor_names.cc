#include "trainer/stages/factor_names.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/rope/auto_factors.h"
#include "trainer/rope/computed_names.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

constexpr std::string_view kStretched = "stretched:";

const FactorSet& named_set(const std::string& name, const std::vector<FactorSet>& sets) {
  if (const FactorSet* set = find_factor_set(sets, name)) return *set;
  std::string known = fmt::format("auto, {}", fmt::join(computed_names(), ", "));
  for (const FactorSet& set : sets) known += ", " + set.name;
  fail(ErrorKind::kUsage, "factors \"{}\": no such set; there are {}", name, known);
}

}  // namespace

FactorSet resolve_factors(const std::string& name, int64_t length, const ModelConfig& config,
                          const std::vector<FactorSet>& sets, const std::string& weights) {
  const auto computed = [&](const std::string& computed_name) {
    return computed_factor_set(computed_name, config.rope_geometry(), length, base_factors(sets));
  };
  if (name == kAutoFactors) return auto_factor_set(sets, weights, config.rope_geometry(), length);
  if (is_computed_name(name)) return computed(name);
  if (name.rfind(kStretched, 0) == 0) {
    FactorSet set = named_set(name.substr(kStretched.size()), sets);
    const double scale = set.scale();
    set.max_length = std::max(set.max_length, length);
    set.factors = grown_factors(set.factors, scale, set.scale());
    set.name = name;
    set.attention_temperature =
        attention_temperature(TemperatureFormula::kSu, set.scale(), set.original_length);
    return set;
  }
  return named_set(name, sets);
}

std::string beyond_longest_set(const FactorSet& chosen, int64_t length) {
  if (chosen.max_length >= length) return "";
  const std::string taken = chosen.name == kOriginalRope
                                ? "the original RoPE is taken"
                                : fmt::format("the longest for these weights is taken, {}", chosen.name);
  return fmt::format("no factor set is for {} tokens; {} ({} tokens)", length, taken, chosen.max_length);
}

}  // namespace ropeway
