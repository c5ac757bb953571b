// The last comparison, on documents that no ranking has seen.
#pragma once

#include "trainer/search/scorer.h"

namespace ropeway {

// Mean loss hides retrieval: at nearly equal loss passkey may be 0 % or 60 %. So finalists of an extension
// are ordered by the mean of their loss on whole documents and on the last 256 tokens of each, plus a tenth
// of that on a passkey's answer, over held-out documents. Tails alone would be what matters most at the
// target length, but are too few tokens to tell close finalists apart. The needle's weight is small: a token
// of the answer costs nats, candidates differ by hundredths in the rest.
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
