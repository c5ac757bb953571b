// The last comparison, on documents that no ranking has seen.
#pragma once

#include "trainer/search/scorer.h"

namespace ropeway {

// Mean loss hides retrieval: at nearly equal loss passkey may be 0 % or 60 %. So finalists of an extension
// are ordered by the mean of their loss on whole documents and on the last quarter of each, where the length
// is made use of, plus a tenth of that on a passkey's answer, over held-out documents. The gradient
// refinement descends on the same mean of whole and tail. The needle's weight is small: a token of the answer
// costs nats, candidates differ by hundredths in the rest.
constexpr double kTailWeight = 0.5;
constexpr double kNeedleWeight = 0.1;

// Without repetitions, best first.
std::vector<Candidate> rank_finalists(Scorer& scorer, const std::vector<Candidate>& candidates);

// Readjust: nothing may get worse. Ordered by the mean loss over fixed and held-out documents together, but a
// candidate that is worse than any of `keep` on either of the two goes behind those that are not; `keep`
// themselves take part, the best of them always ahead of what may not win.
std::vector<Candidate> rank_readjusted(Scorer& scorer, const std::vector<Candidate>& candidates,
                                       const std::vector<Candidate>& keep);

std::vector<Candidate> without_repetitions(const std::vector<Candidate>& candidates);

}  // namespace ropeway
