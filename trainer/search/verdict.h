// What a search was worth: what it found against the best that needs no search, on the same text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config/search_recipe.h"
#include "trainer/report/interval.h"
#include "trainer/search/candidate.h"
#include "trainer/search/finalists.h"

namespace ropeway {

class Scorer;

// Where a run keeps the sentence of a search, in the stage's folder.
inline constexpr const char* kVerdictFile = "verdict.txt";

struct SearchVerdict {
  std::string found = {};  // origin of the search's best
  // Of the best formula; for a readjust, of the better of the kept factors. Empty: none was scored.
  std::string rival = {};
  // By how much the found factors are better, nats per token: positive is better. On held-out documents,
  // weighted as the rule for finalists weighs mean and last quarter (finalists.h); of a readjust the mean.
  double gain = 0;
  std::optional<Interval> interval = {};      // 95%, of pairs: stretch by stretch of each document
  double needle_found = 0, needle_rival = 0;  // loss of a passkey's digits; both 0: none fits
  // Where candidates were ranked by needles: of the answers' loss, in pairs, needle by needle.
  std::optional<Interval> needle_interval = {};
  int64_t needles = 0;  // answers in all; 0: one passkey per document
  int64_t documents = 0;
  // False: the published evolution ends without held-out documents. Its gain is on those it was ranked by,
  // which flatters it.
  bool held_out = true;
  bool same = false;  // what was found is the rival
  SearchFitness fitness = SearchFitness::kText;
};

// The digits of a passkey are found under the one and not under the other: nats per digit.
constexpr double kNeedleGain = 0.5;

// Collective (scorer.h): what is known already costs nothing. On held-out documents the text is weighed as
// `rule` says; on the ranking ones by their fitness.
SearchVerdict weigh_on_held_out(Scorer& scorer, const Candidate& found, const Candidate& rival,
                                const FinalistRule& rule);
SearchVerdict weigh_on_ranking(Scorer& scorer, const Candidate& found, const Candidate& rival,
                               const FinalistRule& rule);

// Ranked by the text's loss or by both: the interval lies above 0; or it reaches above 0 and the digits
// gain at least kNeedleGain. Ranked by needles alone: the interval of their gain lies above 0.
bool search_pays(const SearchVerdict& verdict);
// "use the search: 0.0123 nats per token better than ntk (95% 0.0101 to 0.0145) on 6 held-out documents,
// passkey digits 0.38 nats against 2.31; 47 passes".
std::string verdict_text(const SearchVerdict& verdict, double passes);

}  // namespace ropeway
