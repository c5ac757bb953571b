// The last comparison, on documents that ranked no candidate before, and the rule it goes by.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/config/search_recipe.h"
#include "trainer/search/candidate.h"

namespace ropeway {

class Scorer;

// Mean loss hides retrieval: at nearly equal loss, passkey retrieval may be 0 % or 60 %. So finalists of an
// extension are ordered by
//   (1 - kTailWeight) whole + kTailWeight tail + kNeedleWeight needle
// where whole is the mean loss over documents, tail that over the last quarter of each (where the length is
// used), and needle that over the answer of a passkey. The gradient refinement descends on the same mean of
// whole and tail. The needle weighs little: a token of the answer costs nats, while the rest differs between
// candidates by hundredths.
constexpr double kTailWeight = 0.5;
constexpr double kNeedleWeight = 0.1;

// The figure by which finalists are ordered:
//   text * ((1 - tail) * whole + tail * tail loss) + needle * needle loss
// fitness     text  needle
// text        1     kNeedleWeight (a passkey); readjust: 0
// mixed       1     kNeedleWeight
// needle      0     1
// and tail is kTailWeight, but 0 in a readjust.
struct FinalistRule {
  double text = 1, tail = kTailWeight, needle = kNeedleWeight;
  SearchFitness fitness = SearchFitness::kText;

  double text_figure(double whole, double tail_loss) const {
    return tail > 0 ? (1 - tail) * whole + tail * tail_loss : whole;
  }
};
FinalistRule finalist_rule(SearchFitness fitness, bool readjust);

// A candidate with what it was ordered by. Losses are means over documents, nats per token.
struct Finalist {
  Candidate candidate;
  double whole = 0, tail = 0, needle = 0;
  double figure = 0;    // lower is better
  bool may_win = true;  // readjust: false where it is worse than what is kept
};

struct Ranking {
  std::vector<Finalist> finalists = {};  // best first
  int64_t held_out_documents = 0;        // 0: the ranking documents are all there was
  int64_t ranking_documents = 0;         // that went into `whole` as well
  bool readjust = false;                 // what is worse than the kept factors may not win
  FinalistRule rule = {};
};

// Without repetitions. On the held-out documents, and for `whole` also on those fixed documents that every
// candidate has been scored on already, where their score is the text's loss. Without held-out documents:
// by the mean fitness on the fixed ones.
Ranking rank_finalists(Scorer& scorer, const std::vector<Candidate>& candidates,
                       const FinalistRule& rule = {});

// Readjust: nothing may get worse. Ordered by the mean fitness over fixed and held-out documents together,
// but a candidate that is worse than the best of `keep` on either of the two goes behind all that are not.
// `keep` take part themselves, and the best of them goes ahead of everything that may not win.
Ranking rank_readjusted(Scorer& scorer, const std::vector<Candidate>& candidates,
                        const std::vector<Candidate>& keep,
                        const FinalistRule& rule = finalist_rule(SearchFitness::kText, true));

}  // namespace ropeway
