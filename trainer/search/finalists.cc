#include "trainer/search/finalists.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/base/error.h"
#include "trainer/search/scorer.h"

namespace ropeway {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<DocumentScore> held_out_means(Scorer& scorer, const std::vector<Candidate>& candidates) {
  const auto count = static_cast<double>(scorer.num_finalist_documents());
  std::vector<DocumentScore> means;
  for (const std::vector<DocumentScore>& scores : scorer.finalists(candidates)) {
    DocumentScore mean;
    for (const DocumentScore& score : scores) {
      mean.nll += score.nll / count;
      mean.tail_nll += score.tail_nll / count;
      mean.needle_nll += score.needle_nll / count;
    }
    means.push_back(mean);
  }
  return means;
}

void require_finite(double best) {
  if (std::isfinite(best)) return;
  fail(ErrorKind::kNumerics, "the search found no finalist with a finite loss on the held-out documents");
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
  const std::vector<DocumentScore> means = held_out_means(scorer, finalists);
  std::vector<double> keys;
  for (size_t i = 0; i < finalists.size(); ++i) {
    const DocumentScore& held = means[i];
    double sum = held.nll * static_cast<double>(held_count);
    for (const int64_t j : common) sum += scorer.score(finalists[i], j);
    const double nll = sum / static_cast<double>(held_count + static_cast<int64_t>(common.size()));
    keys.push_back((1 - kTailWeight) * nll + kTailWeight * held.tail_nll + kNeedleWeight * held.needle_nll);
  }
  require_finite(*std::min_element(keys.begin(), keys.end()));
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
  const std::vector<DocumentScore> means = held_out_means(scorer, all);
  std::vector<double> held(all.size(), 0.0), total(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    held[i] = means[i].nll;
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
  require_finite(std::min_element(keys.begin(), keys.end())->second);
  return lowest(all, keys, all.size());
}

}  // namespace ropeway
