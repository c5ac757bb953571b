// 95% intervals of figures that are measured on a part of what they are about.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ropeway {

struct Interval {
  double low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

// The loss of some targets in a row, which are taken for one observation. `weight` is what the mean divides
// by: tokens, or bytes.
struct LossBlock {
  double loss = 0;  // sum
  double weight = 0;
};

// The mean sum(loss) / sum(weight) of blocks as one ratio, by Student's t with one degree of freedom less
// than there are blocks: variance B / (B - 1) * sum (loss_b - mean * weight_b)^2 / (sum weight)^2 (Cochran,
// Sampling Techniques, 3rd ed., 6.3). Of equal weights it is the t-interval of the blocks' means. No interval
// of fewer than two blocks, or where a loss is not finite.
std::optional<Interval> interval_of_mean(std::span<const LossBlock> blocks);

// The share right / trials, by Wilson's score interval (Wilson 1927), which stays within [0, 1] and has a
// width at 0 and at 1. right: a mean of scores between 0 and 1 may be given as their sum. No interval without
// trials.
std::optional<Interval> interval_of_share(double right, int64_t trials);

// Neighbours added together until there are at most `limit` blocks, of as many each as can be: what lies side
// by side in a text is alike, and no independent observation.
std::vector<LossBlock> joined_blocks(std::span<const LossBlock> blocks, int64_t limit = 32);

}  // namespace ropeway
