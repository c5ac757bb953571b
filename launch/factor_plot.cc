#include "launch/factor_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ropeway {
namespace {

// The mean logarithm of the pairs of each column.
std::vector<double> heights(const std::vector<double>& factors, size_t columns) {
  const size_t wide = std::min(columns, factors.size());
  std::vector<double> sums(wide, 0), counts(wide, 0);
  for (size_t i = 0; i < factors.size(); ++i) {
    const size_t column = i * wide / factors.size();
    sums[column] += std::log(factors[i]);
    counts[column] += 1;
  }
  for (size_t column = 0; column < wide; ++column) sums[column] /= counts[column];
  return sums;
}

}  // namespace

std::string factor_plot(const std::vector<double>& factors, size_t rows, size_t columns) {
  if (factors.size() < 2 || rows < 2) return "";
  double largest = 0;
  for (const double factor : factors) {
    if (std::isfinite(factor)) largest = std::max(largest, factor);
  }
  if (largest <= 0) return "";
  std::vector<double> finite = factors;  // pairs that do not turn stand with the largest factor
  for (double& factor : finite) factor = std::min(factor, largest);
  const std::vector<double> logs = heights(finite, columns);
  const auto [low, high] = std::minmax_element(logs.begin(), logs.end());
  if (*high - *low < 1e-9) return "";
  const double step = (*high - *low) / static_cast<double>(rows - 1);
  std::string text;
  for (size_t row = rows; row-- > 0;) {
    std::string line;
    for (const double value : logs) {
      line += static_cast<size_t>(std::lround((value - *low) / step)) == row ? '*' : ' ';
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += fmt::format("    {:>9.4g} |{}\n", std::exp(*low + step * static_cast<double>(row)), line);
  }
  const std::string last = fmt::format("pair {}", factors.size() - 1);
  return text + fmt::format("    {:>9} +{:-<{}}\n    {:>9}  pair 0{:>{}}\n", "", "", logs.size(), "", last,
                            logs.size() > 6 ? logs.size() - 6 : 0);
}

}  // namespace ropeway
