// Descent on log lambda and the log temperature by Adam, a fresh document each step, checked now and then on
// the fixed documents; the best iterate is kept.
#pragma once

#include "trainer/search/factor_space.h"
#include "trainer/search/scorer.h"
#include "trainer/search/seeds.h"

namespace ropeway {

struct GradientOptions {
  int64_t steps = 60, check_every = 5;
  double factor_learning_rate = 0.03, temperature_learning_rate = 0.005;  // fall linearly to a tenth
  bool free_temperature = true;
  double low_temperature = 0.5, high_temperature = 4;
  double least_gain =
      5e-4;  // nats a token; two checks in a row that gain less end it, after a third of the steps
};
struct GradientResult {
  Candidate best;  // the seed itself if no iterate is better
  Candidate last;
};
// `bounds` are absolute (base = ones). A factor that meets its bound stays there while its gradient points
// outwards.
GradientResult refine_by_gradient(Scorer& scorer, const FactorSpace& bounds, const Seed& seed,
                                  const GradientOptions& options);

}  // namespace ropeway
