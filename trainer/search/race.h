// A paired race: challenger against incumbent on the same documents, one more at a time, until it is clear
// which is better. Documents differ in difficulty far more than candidates do, so differences are taken
// document by document.
#pragma once

#include <cstdint>

#include "trainer/search/candidate.h"

namespace ropeway {

class Scorer;

struct RaceOptions {
  double z = 1;                   // decided when |mean difference| exceeds z standard errors ...
  double min_difference = 0.002;  // ... and this much, nats per token
  double hopeless = 0.05;         // a first look this much worse decides
};
struct RaceResult {
  bool challenger_wins = false;
  double difference = 0;  // mean of challenger - incumbent over the documents used; negative is better
  int64_t documents = 0;
};
// Over the first `documents` fixed documents at most; undecided after the last, the mean decides.
RaceResult race(Scorer& scorer, const Candidate& challenger, const Candidate& incumbent, int64_t documents,
                const RaceOptions& options = {});

}  // namespace ropeway
