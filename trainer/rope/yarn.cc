// YaRN's ramp (Peng et al., "YaRN: efficient context window extension", 2023, Eqs. 17-23): a pair that turns
// more than beta_fast times within the trained length keeps its rate, one that turns less than beta_slow
// times is interpolated by s, and between them the two rates are mixed linearly in the pair's index.
#include "trainer/rope/yarn.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

// Index, with fraction, of the pair that turns `turns` times within `length` of original RoPE; may lie
// outside 0 .. pairs-1. c(r) = d ln(L / (2 pi r)) / (2 ln theta).
double plain_index_of_turns(const RopeGeometry& g, double turns) {
  return static_cast<double>(g.pairs) *
         std::log(static_cast<double>(g.original_length) / (2 * std::numbers::pi * turns)) /
         std::log(g.theta);
}

// The same for a tuned model, whose periods are 2 pi lambda_i theta^(2i/d): the first point at which the
// period, joined by straight lines in its logarithm, reaches length / turns. Outside the known pairs it goes
// on with the slope of the original RoPE, so that lambda = 1 gives the plain index.
double tuned_index_of_turns(const RopeGeometry& g, const std::vector<double>& factors, double length,
                            double turns) {
  const double slope = std::log(g.theta) / static_cast<double>(g.pairs);
  const double wanted = std::log(length / (2 * std::numbers::pi * turns));
  double previous = std::log(factors[0]);
  if (wanted <= previous) return (wanted - previous) / slope;
  for (int64_t i = 1; i < g.pairs; ++i) {
    const double here = std::log(factors[i]) + slope * static_cast<double>(i);
    // wanted > previous holds here, so here >= wanted makes the difference positive.
    if (here >= wanted) return static_cast<double>(i - 1) + (wanted - previous) / (here - previous);
    previous = here;
  }
  return static_cast<double>(g.pairs - 1) + (wanted - previous) / slope;
}

}  // namespace

YarnRamp yarn_ramp(const RopeGeometry& g, const YarnOptions& options) {
  const bool tuned = !options.trained_factors.empty();
  ROPEWAY_CHECK(!tuned || static_cast<int64_t>(options.trained_factors.size()) == g.pairs,
                "{} factors for {} pairs", options.trained_factors.size(), g.pairs);
  RopeGeometry trained = g;
  if (options.trained_length > 0) trained.original_length = options.trained_length;
  auto index_of_turns = [&](double turns) {
    return tuned ? tuned_index_of_turns(trained, options.trained_factors,
                                        static_cast<double>(trained.original_length), turns)
                 : plain_index_of_turns(trained, turns);
  };
  // The upper index is clamped to d-1 (not d/2-1), as the authors' code and its users have it.
  YarnRamp ramp{index_of_turns(options.beta_fast), index_of_turns(options.beta_slow)};
  if (options.truncate) ramp = {std::floor(ramp.low), std::ceil(ramp.high)};
  ramp.low = std::max(ramp.low, 0.0);
  ramp.high = std::min(ramp.high, static_cast<double>(2 * g.pairs - 1));
  ramp.low = std::min(ramp.low, ramp.high);  // every pair turns more often than beta_fast
  if (ramp.high == ramp.low) ramp.high += 0.001;
  return ramp;
}

std::vector<double> yarn_factors(const RopeGeometry& g, double scale, const YarnOptions& options) {
  const auto [low, high] = yarn_ramp(g, options);
  std::vector<double> factors(g.pairs);
  for (int64_t i = 0; i < g.pairs; ++i) {
    const double interpolated = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double kept = 1 - interpolated;
    factors[i] = 1 / (kept + interpolated / scale);
  }
  return factors;
}

}  // namespace ropeway
