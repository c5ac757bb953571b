#include "trainer/charts/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/charts/number_text.h"

namespace ropeway::charts {
namespace {

// 1, 2 or 5 times a power of ten, near `rough`.
double round_step(double rough) {
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double first = rough / power;
  return power * (first < 1.5 ? 1 : first < 3.5 ? 2 : first < 7.5 ? 5 : 10);
}

std::string tick_text(double value, double step, double largest) {
  if (std::abs(value) < step / 2) return "0";
  const double size = std::abs(value);
  if (size < 1e-3 || step < 1e-5) return fmt::format("{:.3g}", value);
  if (largest >= 1e4) return count_text(value);
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

Axis Axis::linear(double low, double high, int count) {
  if (!(high > low)) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room;
    high += room;
  }
  Axis axis(Scale::kLinear, low, high);
  const double step = round_step((high - low) / count);
  for (double value = std::ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) {
    axis.ticks_.push_back({value, tick_text(value, step, std::max(std::abs(low), std::abs(high)))});
  }
  return axis;
}

Axis Axis::log2(double low, double high, int count) {
  if (!(high > low)) {
    low /= 2;
    high *= 2;
  }
  Axis axis(Scale::kLog2, low, high);
  const auto first = static_cast<int>(std::ceil(std::log2(low) - 1e-9));
  const auto last = static_cast<int>(std::floor(std::log2(high) + 1e-9));
  const int step = std::max(1, (last - first + count) / count);
  for (int power = first; power <= last; power += step) {
    const double value = std::exp2(power);
    axis.ticks_.push_back({value, power < 0 ? fmt::format("{:g}", value) : length_text(value)});
  }
  return axis;
}

Axis Axis::log10(double low, double high, int count) {
  if (!(high > low)) {
    low /= 2;
    high *= 2;
  }
  Axis axis(Scale::kLog10, low, high);
  const double decades = std::log10(high / low);
  const auto first = static_cast<int>(std::floor(std::log10(low)));
  const auto last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  const int every = std::max(1, static_cast<int>(std::ceil(decades / count)));
  for (int power = first; power <= last; power += every) {
    for (const double times : {1.0, 2.0, 5.0}) {
      const double value = times * std::pow(10, power);
      const bool wanted = times == 1 || decades * 3 <= count;
      if (wanted && value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) {
        axis.ticks_.push_back({value, value >= 1e4 ? count_text(value) : fmt::format("{:g}", value)});
      }
    }
  }
  return axis;
}

double Axis::at(double value) const {
  if (scale_ == Scale::kLinear) return (value - low_) / (high_ - low_);
  return std::log(value / low_) / std::log(high_ / low_);
}

}  // namespace ropeway::charts
