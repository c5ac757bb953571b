// The choice of a token among logits.
#pragma once

#include <cstdint>
#include <span>

namespace ropeway {

struct Sampling {
  double temperature = 0;  // of the softmax that is drawn from; 0: the largest logit
  double top_p = 1;  // of the likeliest tokens, the fewest that have this much of the probability together
  uint64_t seed = 0;
};

// The index of the token for `position` of a sequence: a pure function of its arguments. Among equals the lower
// index comes first. Nucleus sampling: Holtzman et al., "The curious case of neural text degeneration", 2020.
// Throws kNumerics, naming the position, where a logit is not a number or no logit is finite.
int32_t choose_token(std::span<const double> logits, const Sampling& sampling, int64_t position);

}  // namespace ropeway
