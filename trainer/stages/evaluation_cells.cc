#include "trainer/stages/evaluation_cells.h"

#include <algorithm>

#include "kernels/base/log.h"
#include "trainer/rope/schedules.h"
#include "trainer/stages/factor_names.h"

namespace ropeway {
namespace {

// Within the original window most computed schedules are the original RoPE: "none" stands for them.
bool is_same_as_none(const std::string& name, int64_t length, const ModelConfig& config) {
  if (name == kOriginalRope || !is_computed_name(name) || length > config.original_window) return false;
  return computed_factor_set(name, config.rope_geometry(), length).factors ==
         identity_factors(config.rotary_pairs());
}

FactorSet resolved(const CellModel& model, const std::string& name, int64_t length) {
  return resolve_factors(name, length, model.config, model.sets, model.weights);
}

}  // namespace

std::vector<EvaluationCell> evaluation_cells(const CellModel& model, const std::vector<std::string>& names,
                                             const std::vector<int64_t>& lengths, SameAsNone same_as_none) {
  std::vector<EvaluationCell> cells;
  for (const int64_t length : lengths) {
    for (const std::string& name : names) {
      if (same_as_none == SameAsNone::kSkip && is_same_as_none(name, length, model.config)) continue;
      const FactorSet factors = resolved(model, name, length);
      cells.push_back({.name = name == kAutoFactors ? factors.name : name,
                       .length = length,
                       .factors = factors,
                       .window_factors = resolved(model, kAutoFactors, model.config.original_window)});
    }
  }
  return cells;
}

std::vector<EvaluationCell> window_cells(const CellModel& model, const std::vector<std::string>& names,
                                         SameAsNone same_as_none) {
  const int64_t window = model.config.original_window;
  auto cells = evaluation_cells(model, names, {window}, same_as_none);
  if (cells.empty()) {
    cells.push_back(
        {.name = kOriginalRope, .length = window, .factors = resolved(model, kOriginalRope, window)});
  }
  return cells;
}

std::vector<std::string> skipped_cells(const ModelConfig& config, const std::vector<std::string>& names,
                                       const std::vector<int64_t>& lengths) {
  std::vector<std::string> skipped;
  for (const int64_t length : lengths) {
    for (const std::string& name : names) {
      if (is_same_as_none(name, length, config)) skipped.push_back(fmt::format("{} at {}", name, length));
    }
  }
  return skipped;
}

int64_t cells_at(const ModelConfig& config, const std::vector<std::string>& names, int64_t length) {
  return std::ranges::count_if(
      names, [&](const std::string& name) { return !is_same_as_none(name, length, config); });
}

void tell_of_lengths(const std::vector<std::string>& names, const std::vector<EvaluationCell>& cells,
                     const std::string& who) {
  for (const EvaluationCell& cell : cells) {
    // A name that no one gave is one that auto chose.
    const bool chosen = std::ranges::find(names, cell.name) == names.end();
    const std::string warning = chosen ? beyond_longest_set(cell.factors, cell.length) : length_warning(cell);
    if (!warning.empty()) log_warning("{}: {}", who, warning);
  }
}

}  // namespace ropeway
