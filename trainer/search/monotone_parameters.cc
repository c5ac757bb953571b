#include "trainer/search/monotone_parameters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ropeway {
namespace {

constexpr double kLeastIncrement =
    1e-4;  // of dims far from the critical one: practically 0, but with a gradient
constexpr double kLeastTotal = 0.02;
constexpr double kReferenceTotal = 2.0794415416798357;  // ln 8

double softplus(double u) { return u > 0 ? u + std::log1p(std::exp(-u)) : std::log1p(std::exp(u)); }
double inverse_softplus(double value) { return value + std::log(-std::expm1(-value)); }
double sigmoid(double u) { return 1 / (1 + std::exp(-u)); }

}  // namespace

MonotoneParameters::MonotoneParameters(const std::vector<double>& factors, int64_t critical_dim) {
  const auto pairs = static_cast<int64_t>(factors.size());
  offset_ = std::min(0.0, std::log(factors[0]));
  std::vector<double> increments(pairs);
  double previous = offset_;
  for (int64_t i = 0; i < pairs; ++i) {
    increments[i] = std::max(0.0, std::log(factors[i]) - previous);
    previous = std::max(previous, std::log(factors[i]));
  }
  const double total = std::max(kLeastTotal, previous - offset_);
  const double size = std::min(1.0, total / kReferenceTotal);
  for (int64_t i = 0; i < pairs; ++i) {
    const int64_t distance = std::abs(i - critical_dim);
    const double floor =
        distance <= 4 ? size * (0.03 - 0.005 * static_cast<double>(distance)) : kLeastIncrement;
    increments[i] = std::max(increments[i], floor);
  }
  const double sum = std::accumulate(increments.begin(), increments.end(), 0.0);
  for (const double increment : increments) u_.push_back(inverse_softplus(increment * total / sum));
}

std::vector<double> MonotoneParameters::log_factors() const {
  std::vector<double> result;
  double sum = offset_;
  for (const double u : u_) result.push_back(sum += softplus(u));
  return result;
}

std::vector<double> MonotoneParameters::chain(const std::vector<double>& log_factor_gradient) const {
  std::vector<double> result(u_.size());
  double sum = 0;
  for (size_t i = u_.size(); i-- > 0;) {
    sum += log_factor_gradient[i];
    result[i] = sum * sigmoid(u_[i]);
  }
  return result;
}

}  // namespace ropeway
