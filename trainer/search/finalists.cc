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

// A part without weight does not count, whatever it is.
double figure_of(const FinalistRule& rule, double whole, const DocumentScore& held) {
  return (rule.text > 0 ? rule.text * rule.text_figure(whole, held.tail_nll) : 0) +
         (rule.needle > 0 ? rule.needle * held.needle_nll : 0);
}

void require_finite(double best) {
  if (std::isfinite(best)) return;
  fail(ErrorKind::kNumerics, "the search found no finalist with a finite loss on the held-out documents");
}

// Equal figures keep their order.
void sort_best_first(std::vector<Finalist>& finalists) {
  std::stable_sort(finalists.begin(), finalists.end(), [](const Finalist& a, const Finalist& b) {
    return std::pair(!a.may_win, a.figure) < std::pair(!b.may_win, b.figure);
  });
}

Ranking rank_without_held_out(Scorer& scorer, const std::vector<Candidate>& candidates,
                              const FinalistRule& rule) {
  Ranking ranking{.ranking_documents = scorer.num_documents(), .rule = rule};
  const std::vector<double> means = scorer.means(candidates, scorer.num_documents());
  for (size_t i = 0; i < candidates.size(); ++i) {
    ranking.finalists.push_back({.candidate = candidates[i], .whole = means[i], .figure = means[i]});
  }
  sort_best_first(ranking.finalists);
  return ranking;
}

}  // namespace

FinalistRule finalist_rule(SearchFitness fitness, bool readjust) {
  FinalistRule rule{.fitness = fitness};
  if (fitness == SearchFitness::kNeedle) {
    rule.text = 0;
    rule.needle = 1;
  } else if (fitness == SearchFitness::kText && readjust) {
    rule.needle = 0;
  }
  if (readjust) rule.tail = 0;
  return rule;
}

Ranking rank_finalists(Scorer& scorer, const std::vector<Candidate>& candidates, const FinalistRule& rule) {
  const std::vector<Candidate> all = without_repetitions(candidates);
  const int64_t held_count = scorer.num_finalist_documents();
  if (held_count == 0) return rank_without_held_out(scorer, all, rule);
  std::vector<int64_t> common;
  const bool scores_text = rule.fitness == SearchFitness::kText;
  for (int64_t j = 0; scores_text && j < scorer.num_documents(); ++j) {
    const bool known_to_all =
        std::all_of(all.begin(), all.end(), [&](const Candidate& c) { return scorer.is_known(c, j); });
    if (known_to_all) common.push_back(j);
  }
  Ranking ranking{.held_out_documents = held_count, .ranking_documents = std::ssize(common), .rule = rule};
  const std::vector<DocumentScore> means = held_out_means(scorer, all);
  for (size_t i = 0; i < all.size(); ++i) {
    const DocumentScore& held = means[i];
    double sum = held.nll * static_cast<double>(held_count);
    for (const int64_t j : common) sum += scorer.score(all[i], j);
    const double whole = sum / static_cast<double>(held_count + std::ssize(common));
    ranking.finalists.push_back({.candidate = all[i],
                                 .whole = whole,
                                 .tail = held.tail_nll,
                                 .needle = held.needle_nll,
                                 .figure = figure_of(rule, whole, held)});
  }
  sort_best_first(ranking.finalists);
  require_finite(ranking.finalists.front().figure);
  return ranking;
}

Ranking rank_readjusted(Scorer& scorer, const std::vector<Candidate>& candidates,
                        const std::vector<Candidate>& keep, const FinalistRule& rule) {
  std::vector<Candidate> all = keep;
  all.insert(all.end(), candidates.begin(), candidates.end());
  all = without_repetitions(all);
  const size_t num_keep = without_repetitions(keep).size();
  const auto fixed_count = static_cast<double>(scorer.num_documents());
  const auto held_count = static_cast<double>(scorer.num_finalist_documents());

  const std::vector<double> fixed = scorer.means(all, scorer.num_documents());
  const std::vector<DocumentScore> means = held_out_means(scorer, all);
  Ranking ranking{.held_out_documents = scorer.num_finalist_documents(),
                  .ranking_documents = scorer.num_documents(),
                  .readjust = true,
                  .rule = rule};
  std::vector<double> held;
  for (const DocumentScore& mean : means) held.push_back(figure_of(rule, mean.nll, mean));
  for (size_t i = 0; i < all.size(); ++i) {
    const double total = (fixed_count * fixed[i] + held_count * held[i]) / (fixed_count + held_count);
    ranking.finalists.push_back({.candidate = all[i],
                                 .whole = total,
                                 .tail = means[i].tail_nll,
                                 .needle = means[i].needle_nll,
                                 .figure = total});
  }
  double keep_fixed = kInfinity, keep_held = kInfinity;
  size_t best_keep = 0;
  for (size_t i = 0; i < num_keep; ++i) {
    keep_fixed = std::min(keep_fixed, fixed[i]);
    keep_held = std::min(keep_held, held[i]);
    if (ranking.finalists[i].figure < ranking.finalists[best_keep].figure) best_keep = i;
  }
  for (size_t i = 0; i < all.size(); ++i) {
    ranking.finalists[i].may_win =
        num_keep == 0 || i == best_keep || (fixed[i] <= keep_fixed && held[i] <= keep_held);
  }
  sort_best_first(ranking.finalists);
  require_finite(ranking.finalists.front().figure);
  return ranking;
}

}  // namespace ropeway
