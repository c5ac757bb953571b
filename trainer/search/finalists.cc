#include "trainer/search/finalists.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "trainer/search/scorer.h"

namespace ropeway {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

DocumentScore held_out_mean(Scorer& scorer, const Candidate& candidate) {
  DocumentScore mean;
  const int64_t count = scorer.num_finalist_documents();
  for (int64_t j = 0; j < count; ++j) {
    const DocumentScore score = scorer.finalist(candidate, j);
    mean.nll += score.nll / static_cast<double>(count);
    mean.tail_nll += score.tail_nll / static_cast<double>(count);
    mean.needle_nll += score.needle_nll / static_cast<double>(count);
  }
  return mean;
}

}  // namespace

std::vector<Candidate> rank_finalists(Scorer& scorer, const std::vector<Candidate>& candidates) {
  const std::vector<Candidate> finalists = without_repetitions(candidates);
  const int64_t held_count = scorer.num_finalist_documents();
  if (held_count == 0)
    return lowest(finalists, scorer.means(finalists, scorer.num_documents()), finalists.size());
  std::vector<int64_t> common;
  for (int64_t j = 0; j < scorer.num_documents(); ++j) {
    const bool known_to_all = std::all_of(finalists.begin(), finalists.end(),
                                          [&](const Candidate& c) { return scorer.is_known(c, j); });
    if (known_to_all) common.push_back(j);
  }
  std::vector<double> keys;
  for (const Candidate& candidate : finalists) {
    const DocumentScore held = held_out_mean(scorer, candidate);
    double sum = held.nll * static_cast<double>(held_count);
    for (const int64_t j : common) sum += scorer.score(candidate, j);
    const double nll = sum / static_cast<double>(held_count + static_cast<int64_t>(common.size()));
    keys.push_back((1 - kTailWeight) * nll + kTailWeight * held.tail_nll + kNeedleWeight * held.needle_nll);
  }
  return lowest(finalists, keys, finalists.size());
}

std::vector<Candidate> rank_readjusted(Scorer& scorer, const std::vector<Candidate>& candidates,
                                       const std::vector<Candidate>& keep) {
  std::vector<Candidate> all = keep;
  all.insert(all.end(), candidates.begin(), candidates.end());
  all = without_repetitions(all);
  const size_t num_keep = without_repetitions(keep).size();
  const auto fixed_count = static_cast<double>(scorer.num_documents());
  const auto held_count = static_cast<double>(scorer.num_finalist_documents());

  const std::vector<double> fixed = scorer.means(all, scorer.num_documents());
  std::vector<double> held(all.size(), 0.0), total(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    held[i] = held_out_mean(scorer, all[i]).nll;
    total[i] = (fixed_count * fixed[i] + held_count * held[i]) / (fixed_count + held_count);
  }
  double keep_fixed = kInfinity, keep_held = kInfinity;
  size_t best_keep = 0;
  for (size_t i = 0; i < num_keep; ++i) {
    keep_fixed = std::min(keep_fixed, fixed[i]);
    keep_held = std::min(keep_held, held[i]);
    if (total[i] < total[best_keep]) best_keep = i;
  }
  std::vector<std::pair<int, double>> keys;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool may_win = num_keep == 0 || i == best_keep || (fixed[i] <= keep_fixed && held[i] <= keep_held);
    keys.push_back({may_win ? 0 : 1, total[i]});
  }
  return lowest(all, keys, all.size());
}

}  // namespace ropeway
