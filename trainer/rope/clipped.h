// Schedules that stop slow pairs where others slow them down: lambda = infinity is a rate of 0, and such a
// pair gives the same score at every distance.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

// CoPE (arXiv 2602.05258): the rates of the last `clipped` pairs are multiplied by
//   1/2 (1 + cos(pi j / (clipped - 1))),   j = 0 .. clipped-1
// so that the last one is 0. The others keep theirs.
std::vector<double> cope_factors(int64_t pairs, int64_t clipped);
// The authors' hard variant: the rates of all those are 0.
std::vector<double> hard_clip_factors(int64_t pairs, int64_t clipped);
// How many of `pairs` CoPE clips: 20 of 64, rounded.
int64_t cope_clipped(int64_t pairs);

// What files of other programs hold for infinity, which JSON has not: such a pair turns by less than 1e-13
// radians over 2M tokens, which is cos = 1 and a sin below any rounding.
inline constexpr double kStillFactor = 1e20;
// With kStillFactor for infinity.
std::vector<double> with_finite_factors(std::vector<double> factors);
// Back: infinity where a file holds kStillFactor or more.
std::vector<double> with_infinite_factors(std::vector<double> factors);

}  // namespace ropeway
