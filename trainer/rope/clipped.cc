#include "trainer/rope/clipped.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

std::vector<double> cope_factors(int64_t pairs, int64_t clipped) {
  ROPEWAY_CHECK(clipped >= 0 && clipped <= pairs, "{} of {} pairs clipped", clipped, pairs);
  std::vector<double> factors(pairs, 1.0);
  for (int64_t j = 0; j < clipped; ++j) {
    const double share = clipped == 1 ? 1 : static_cast<double>(j) / static_cast<double>(clipped - 1);
    factors[pairs - clipped + j] = share == 1 ? kInfinity : 2 / (1 + std::cos(std::numbers::pi * share));
  }
  return factors;
}

std::vector<double> hard_clip_factors(int64_t pairs, int64_t clipped) {
  ROPEWAY_CHECK(clipped >= 0 && clipped <= pairs, "{} of {} pairs clipped", clipped, pairs);
  std::vector<double> factors(pairs, 1.0);
  std::fill(factors.end() - clipped, factors.end(), kInfinity);
  return factors;
}

int64_t cope_clipped(int64_t pairs) { return (20 * pairs + 32) / 64; }

std::vector<double> with_finite_factors(std::vector<double> factors) {
  for (double& factor : factors) factor = std::min(factor, kStillFactor);
  return factors;
}

std::vector<double> with_infinite_factors(std::vector<double> factors) {
  for (double& factor : factors) {
    if (factor >= kStillFactor) factor = std::numeric_limits<double>::infinity();
  }
  return factors;
}

}  // namespace ropeway
