// A share of successes and how sure it is: the Wilson score interval at 95 % (Wilson 1927), which stays
// within 0 and 1 and is honest for few trials and for shares at the ends.
#pragma once

#include <cstdint>

namespace ropeway {

struct Proportion {
  double share = 0, low = 0, high = 1;
};
// trials: at least 1. successes: 0 to trials; a mean of scores between 0 and 1 may be given as their sum.
Proportion wilson_proportion(double successes, int64_t trials);

}  // namespace ropeway
