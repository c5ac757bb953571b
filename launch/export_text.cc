#include "launch/export_text.h"

#include <set>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

std::string size_text(int64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 10'000'000'000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

std::string dtypes_text(const ModelDir& model) {
  std::set<std::string> names;
  for (const SafetensorsFile& shard : model.shards) {
    for (const auto& [name, info] : shard.tensors()) names.emplace(name_of(info.dtype));
  }
  return fmt::format("{}", fmt::join(names, " and "));
}

std::string model_line(const ModelDir& model) {
  std::vector<std::string> sets;
  for (const FactorSet& set : model.sets) {
    sets.push_back(fmt::format("{} ({})", set.name, format_length(set.max_length)));
  }
  return fmt::format("{}, {} layers, {:.1f}M parameters, {}; window {}; factor sets: {}",
                     model.config.model_type, model.config.num_layers,
                     static_cast<double>(model.config.num_parameters()) / 1e6, dtypes_text(model),
                     format_length(model.config.original_window),
                     sets.empty() ? "none" : fmt::format("{}", fmt::join(sets, ", ")));
}

}  // namespace ropeway
