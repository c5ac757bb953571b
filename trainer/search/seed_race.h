// The seed race: growing lengths first, each of which drops the hopeless; all that are left on one
// document (one look), then the best few on a second one. One document ranks candidates well as long as
// all see the same one; prefixes of it rank badly and serve only to drop the hopeless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/search/candidate.h"

namespace ropeway {

class Scorer;

struct SeedRaceOptions {
  double hopeless = 0.05;  // loss above the best at a quarter or half of the length, nats per token
  // That go on at most. On the tiny model at 8 times its window the best of 63 seeds is the seventh at a
  // quarter and the fifth at half; the next three best are among the 20 and 13 first.
  size_t most_to_half = 20, most_to_target = 10;
  double close = 0.002;  // behind the last winner after the second document: a tie that a tail may decide
  size_t on_second_document = 4, winners = 2;
};
struct SeedRaceResult {
  // Of those on the second document, best first. Runners-up: the others that came close.
  std::vector<Candidate> winners, runners_up;
};
// lengths: below the target's, ascending (dropping_lengths).
SeedRaceResult race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds,
                          const std::vector<int64_t>& lengths, const SeedRaceOptions& options = {});

// A quarter and a half of the target, as far as they are twice the trained length at least: within that the
// unchanged factors are best, and what makes the target possible would be dropped.
std::vector<int64_t> dropping_lengths(int64_t target_length, int64_t trained_length);

// Of candidates that took part in the race, the one that did best as far as any of them came.
// `lengths`: of the race.
Candidate best_of_raced(Scorer& scorer, const std::vector<Candidate>& raced,
                        const std::vector<int64_t>& lengths);

}  // namespace ropeway
