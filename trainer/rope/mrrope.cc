#include "trainer/rope/mrrope.h"

#include <algorithm>
#include <cmath>

namespace ropeway {

std::vector<double> mrrope_factors(const RopeGeometry& g, double scale, MrRopeKind kind,
                                   const YarnOptions& options) {
  const YarnRamp ramp = yarn_ramp(g, options);
  const double n = ramp.high - ramp.low;
  std::vector<double> factors(g.pairs);
  for (int64_t i = 0; i < g.pairs; ++i) {
    const double t = std::clamp(static_cast<double>(i) - ramp.low, 0.0, n);
    const double exponent = kind == MrRopeKind::kUniform ? t / n : t * (t + 1) / (n * (n + 1));
    factors[i] = std::pow(scale, exponent);
  }
  return factors;
}

}  // namespace ropeway
