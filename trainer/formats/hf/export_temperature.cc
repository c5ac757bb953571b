#include "trainer/formats/hf/export_temperature.h"

#include <fmt/format.h>

#include "trainer/family/families.h"
#include "trainer/rope/schedules.h"

namespace ropeway {

double formula_temperature(const ModelConfig& config, const ExportFactors& factors) {
  const double scale = static_cast<double>(factors.max_length) / static_cast<double>(config.original_window);
  return attention_temperature(TemperatureFormula::kSu, scale, config.original_window);
}

bool only_transformers5_reads(const ModelConfig& config, const ExportFactors& factors) {
  return family_of(config.model_type).phi3_keys && factors.long_set &&
         factors.long_set->attention_temperature != formula_temperature(config, factors);
}

bool take_formula_temperature(const ModelConfig& config, ExportFactors& factors) {
  if (!factors.long_set) return false;
  const double formula = formula_temperature(config, factors);
  const bool is_changed = factors.long_set->attention_temperature != formula ||
                          factors.short_set.attention_temperature != formula;
  factors.long_set->attention_temperature = factors.short_set.attention_temperature = formula;
  return is_changed;
}

std::string temperature_warning(const ModelConfig& config, const ExportFactors& factors,
                                const std::string& reader) {
  if (!factors.long_set) return "";
  const double here = factors.short_set.attention_temperature;
  const double there = factors.long_set->attention_temperature;
  if (here == there || factors.max_length == config.original_window) return "";
  return fmt::format(
      "for sequences of at most {} tokens set '{}' has attention temperature {:.6g}; {} has one for all "
      "lengths and takes that of '{}', {:.6g} (ropeway and vLLM take each set's own)",
      config.original_window, factors.short_set.name, here, reader, factors.long_set->name, there);
}

}  // namespace ropeway
