#include "trainer/evaluate/proportion.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"

namespace ropeway {

Proportion wilson_proportion(double successes, int64_t trials) {
  ROPEWAY_CHECK(trials > 0 && successes >= 0 && successes <= static_cast<double>(trials), "{} of {}",
                successes, trials);
  constexpr double z = 1.959963984540054;  // 97.5 % of the normal distribution lie below
  const auto n = static_cast<double>(trials);
  const double share = successes / n, spread = 1 + z * z / n;
  const double centre = (share + z * z / (2 * n)) / spread;
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / spread;
  return {share, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

}  // namespace ropeway
