#include "trainer/finetune/spike_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ropeway {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Spike compare(const char* of, double value, const std::vector<double>& before) {
  Spike spike{.of = of, .value = value};
  if (before.size() < SpikeWatch::kNeeded) return spike;
  spike.usual = median(before);
  std::vector<double> distances;
  for (const double one : before) distances.push_back(std::abs(one - spike.usual));
  const double deviation =
      std::max({1.4826 * median(std::move(distances)), SpikeWatch::kLeastDeviation * std::abs(spike.usual),
                std::numeric_limits<double>::min()});
  spike.deviations = (value - spike.usual) / deviation;
  return spike;
}

void push(std::vector<double>& values, double value) {
  values.push_back(value);
  if (values.size() > SpikeWatch::kRemembered) values.erase(values.begin());
}

}  // namespace

Spike SpikeWatch::look(double loss, double gradient_norm) const {
  const Spike of_loss = compare("loss", loss, history_.losses),
              of_norm = compare("gradient norm", gradient_norm, history_.gradient_norms);
  return of_norm.deviations > of_loss.deviations ? of_norm : of_loss;
}

void SpikeWatch::remember(double loss, double gradient_norm) {
  push(history_.losses, loss);
  push(history_.gradient_norms, gradient_norm);
}

}  // namespace ropeway
