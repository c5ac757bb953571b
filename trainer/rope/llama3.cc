// The RoPE of Llama 3.1 as factors: rates of slow pairs are divided by `factor`, those of fast pairs kept,
// and between the two periods the rates are mixed linearly in the number of turns.
#include "trainer/rope/llama3.h"

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway {

std::vector<double> llama3_factors(const RopeGeometry& g, const Llama3Options& options) {
  ROPEWAY_CHECK(options.factor >= 1 && options.low_turns < options.high_turns,
                "factor {}, turns from {} to {}", options.factor, options.low_turns, options.high_turns);
  std::vector<double> factors = periods(g, options.trained_factors);
  for (double& factor : factors) {
    const double turns = static_cast<double>(options.pretrained_length) / factor;
    const double kept =
        std::clamp((turns - options.low_turns) / (options.high_turns - options.low_turns), 0.0, 1.0);
    factor = 1 / (kept + (1 - kept) / options.factor);
  }
  return factors;
}

}  // namespace ropeway
