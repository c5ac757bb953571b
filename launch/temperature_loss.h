// What it costs to take the formula's attention temperature in place of a set's own: the loss of a text under
// either, at the lengths that the lists of an export are for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/engine_recipe.h"
#include "trainer/formats/hf/export_factors.h"

namespace ropeway {

class MpiSession;
struct ModelConfig;

struct TemperatureLoss {
  int64_t window = 0;  // that the deployment declares
  std::string set;
  int64_t length = 0;  // that was scored
  double own_temperature = 1, formula_temperature = 1;
  double own_loss = 0, formula_loss = 0;  // mean negative log-likelihood, nats per token
};

struct TextToScore {
  std::string pattern, cache;
  DeviceKind device = DeviceKind::kCpu;
};

// Collective. For every list of the deployments whose temperature is not the formula's: the long one at the
// declared window, the short one, where it is another set, at the original window. Throws as evaluate_model().
std::vector<TemperatureLoss> measure_temperatures(const std::string& model, const ModelConfig& config,
                                                  const std::vector<ExportFactors>& deployments,
                                                  const TextToScore& text, MpiSession& job);

// "'8x' at 2K: 1.2345 nats per token at its own attention temperature, 1.25; 1.2401 (+0.0056) at the
// formula's, 1.17"
std::string words_for(const TemperatureLoss& loss);

}  // namespace ropeway
