// Step A: many seeds, one document (one look), then a second one for the best few. One document ranks
// candidates well as long as all see the same one; prefixes of it rank badly and serve only to drop the
// hopeless.
#pragma once

#include "trainer/search/scorer.h"
#include "trainer/search/seeds.h"

namespace ropeway {

struct SeedRaceOptions {
  double hopeless = 0.05;  // loss above the best at half length
  size_t on_second_document = 4, winners = 2;
};
// The best two, best first. drop_at_half: whether half the length tells anything (it must be beyond the
// trained one).
std::vector<Candidate> race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds, bool drop_at_half,
                                  const SeedRaceOptions& options = {});

}  // namespace ropeway
