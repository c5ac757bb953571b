#include "trainer/report/interval.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace ropeway {
namespace {

constexpr double kUpperTail = 0.975;
constexpr double kNormalQuantile = 1.959963984540054;  // of kUpperTail

}  // namespace

std::optional<Interval> interval_of_mean(std::span<const LossBlock> blocks) {
  const auto count = static_cast<double>(blocks.size());
  double loss = 0, weight = 0;
  for (const LossBlock& block : blocks) {
    loss += block.loss;
    weight += block.weight;
  }
  if (blocks.size() < 2 || weight <= 0 || !std::isfinite(loss)) return std::nullopt;
  const double mean = loss / weight;
  double squares = 0;
  for (const LossBlock& block : blocks) {
    const double residual = block.loss - mean * block.weight;
    squares += residual * residual;
  }
  const double error = std::sqrt(count / (count - 1) * squares) / weight;
  const double reach = boost::math::quantile(boost::math::students_t(count - 1), kUpperTail) * error;
  return Interval{mean - reach, mean + reach};
}

std::optional<Interval> interval_of_share(double right, int64_t trials) {
  if (trials < 1) return std::nullopt;
  const auto n = static_cast<double>(trials);
  const double share = right / n, z2 = kNormalQuantile * kNormalQuantile;
  const double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
  const double reach = kNormalQuantile / (1 + z2 / n) * std::sqrt(share * (1 - share) / n + z2 / (4 * n * n));
  return Interval{std::max(0.0, centre - reach), std::min(1.0, centre + reach)};
}

std::vector<LossBlock> joined_blocks(std::span<const LossBlock> blocks, int64_t limit) {
  const auto count = static_cast<int64_t>(blocks.size());
  const int64_t groups = std::min(count, limit);
  std::vector<LossBlock> joined(static_cast<size_t>(groups));
  for (int64_t i = 0; i < count; ++i) {
    LossBlock& group = joined[static_cast<size_t>(i * groups / count)];
    group.loss += blocks[static_cast<size_t>(i)].loss;
    group.weight += blocks[static_cast<size_t>(i)].weight;
  }
  return joined;
}

}  // namespace ropeway
