#include "trainer/finetune/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/base/error.h"

namespace ropeway {

double learning_rate_at(const TrainRecipe& options, int64_t step) {
  if (step <= options.warmup_steps) {
    return options.learning_rate * static_cast<double>(step) / static_cast<double>(options.warmup_steps);
  }
  if (options.schedule == LearningRateSchedule::kConstant) return options.learning_rate;
  const double span = static_cast<double>(std::max<int64_t>(1, options.steps - options.warmup_steps));
  const double progress = std::min(1.0, static_cast<double>(step - options.warmup_steps) / span);
  const double height = options.learning_rate - options.min_learning_rate;
  if (options.schedule == LearningRateSchedule::kLinear) {
    return options.min_learning_rate + height * (1.0 - progress);
  }
  return options.min_learning_rate + height * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace ropeway
