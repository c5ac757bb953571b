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
  double close = 0.002;    // behind the last winner after the second document: a tie that a tail may decide
  size_t on_second_document = 4, winners = 2;
};
struct SeedRaceResult {
  // Of those on the second document, best first. Runners-up: the others that came close.
  std::vector<Candidate> winners, runners_up;
};
// drop_at_half: whether half the length tells anything (it must lie beyond the trained one).
SeedRaceResult race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds, bool drop_at_half,
                          const SeedRaceOptions& options = {});

// Of candidates that took part in the race, the one that did best as far as any of them came.
Candidate best_of_raced(Scorer& scorer, const std::vector<Candidate>& raced);

}  // namespace ropeway
