// The seed race: all seeds on one document (one look), then the best few on a second one. One document ranks
// candidates well as long as all see the same one; prefixes of it rank badly and serve only to drop the
// hopeless.
#pragma once

#include <cstddef>
#include <vector>

#include "trainer/search/candidate.h"

namespace ropeway {

class Scorer;

struct SeedRaceOptions {
  double hopeless = 0.05;  // loss above the best at half length, nats per token
  size_t on_second_document = 4, winners = 2;
};
// The winners, best first. drop_at_half: whether half the length tells anything (it must lie beyond the
// trained one).
std::vector<Candidate> race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds, bool drop_at_half,
                                  const SeedRaceOptions& options = {});

}  // namespace ropeway
