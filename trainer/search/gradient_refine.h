// Descent on log lambda and the log temperature by Adam, with fresh documents at each step, and a check on
// the fixed documents every few steps; the best iterate is kept.
//
// Dims differ by orders of magnitude in what a change of lambda does: log lambda_i + delta turns the phase at
// the target's end by L' omega_i / lambda_i * delta radians, thousands for the fastest dims and a fraction of
// one for the slowest. So the parameter of a dim is its phase there, counted from the seed, and a step is a
// fraction of a radian in every dim. Each step ends at the nearest non-decreasing factors, nearest in these
// parameters.
//
// In a space with a critical pair c (factor_space.h), which stays where the seed has it, pairs below
// follow it: d loss / d log lambda_c takes in i/c of each of theirs, and the phase that limits its step is
// the one of them that turns the most.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/search/factor_space.h"

namespace ropeway {

class Scorer;

struct GradientOptions {
  int64_t steps = 60, check_every = 5;
  // A step of Adam: radians of phase at the target's end, and log temperature. Both fall linearly to a tenth.
  double factor_learning_rate = 0.1, temperature_learning_rate = 0.005;
  bool free_temperature = true;
  double low_temperature = 0.5, high_temperature = 4;
  double least_gain = 5e-4;  // nats per token; two checks in a row that gain less end the descent
};
struct GradientResult {
  Candidate best;  // the seed itself if no iterate is better
  Candidate last;
};
// A factor that meets its bound stays there while its gradient
// points outwards. `frequencies` are the plain omega_i, radians per token.
GradientResult refine_by_gradient(Scorer& scorer, const FactorSpace& bounds,
                                  const std::vector<double>& frequencies, const Candidate& seed,
                                  const GradientOptions& options);

}  // namespace ropeway
