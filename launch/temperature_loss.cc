#include "launch/temperature_loss.h"

#include <fmt/format.h>

#include "launch/evaluation.h"
#include "trainer/config/lengths.h"
#include "trainer/formats/hf/export_temperature.h"

namespace ropeway {
namespace {

struct Cells {
  std::vector<EvaluationCell> cells;  // a set under its own temperature, then under the formula's
  std::vector<int64_t> windows;       // of each such pair's deployment

  void add(const FactorSet& set, int64_t length, double formula, int64_t window) {
    if (set.attention_temperature == formula) return;
    FactorSet other = set;
    other.attention_temperature = formula;
    cells.push_back({set.name, length, set});
    cells.push_back({set.name + ", formula's temperature", length, other});
    windows.push_back(window);
  }
};

Cells cells_of(const ModelConfig& config, const std::vector<ExportFactors>& deployments) {
  Cells all;
  for (const ExportFactors& factors : deployments) {
    if (!factors.long_set) continue;
    const double formula = formula_temperature(config, factors);
    all.add(*factors.long_set, factors.max_length, formula, factors.max_length);
    if (factors.short_set.name != factors.long_set->name) {
      all.add(factors.short_set, config.original_window, formula, factors.max_length);
    }
  }
  return all;
}

}  // namespace

std::vector<TemperatureLoss> measure_temperatures(const std::string& model, const ModelConfig& config,
                                                  const std::vector<ExportFactors>& deployments,
                                                  const TextToScore& text, MpiSession& job) {
  const Cells all = cells_of(config, deployments);
  if (all.cells.empty()) return {};
  EvaluationRequest request;
  request.model = model;
  request.text = text.pattern;
  request.cache = text.cache;
  request.device = text.device;
  request.dtype = text.device == DeviceKind::kCuda ? DType::kBF16 : DType::kF32;
  request.cells = all.cells;
  request.evaluate.tasks = {EvaluateTask::kPerplexity};
  request.evaluate.align = WindowAlignment::kStarts;
  const std::vector<EvaluatedCell> results = figures_of(request, job);
  std::vector<TemperatureLoss> losses;
  for (size_t pair = 0; pair < all.windows.size(); ++pair) {
    const EvaluatedCell &own = results[2 * pair], &formula = results[2 * pair + 1];
    losses.push_back({.window = all.windows[pair],
                      .set = own.cell.name,
                      .length = own.cell.length,
                      .own_temperature = own.cell.factors.attention_temperature,
                      .formula_temperature = formula.cell.factors.attention_temperature,
                      .own_loss = own.figures.perplexity.value().nll,
                      .formula_loss = formula.figures.perplexity.value().nll});
  }
  return losses;
}

std::string words_for(const TemperatureLoss& loss) {
  return fmt::format(
      "'{}' at {}: {:.4f} nats per token at its own attention temperature, {:.6g}; {:.4f} ({:+.4f}) at the "
      "formula's, {:.6g}",
      loss.set, format_length(loss.length), loss.own_loss, loss.own_temperature, loss.formula_loss,
      loss.formula_loss - loss.own_loss, loss.formula_temperature);
}

}  // namespace ropeway
