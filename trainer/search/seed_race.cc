#include "trainer/search/seed_race.h"

#include <algorithm>

#include "trainer/search/scorer.h"

namespace ropeway {

SeedRaceResult race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds, bool drop_at_half,
                          const SeedRaceOptions& options) {
  const int64_t look = scorer.documents_per_look();
  std::vector<Candidate> running = without_repetitions(seeds);
  if (drop_at_half) {
    const auto half = scorer.scores(running, {0}, scorer.target_length() / 2);
    double best = half[0][0];
    for (const auto& row : half) best = std::min(best, row[0]);
    std::vector<Candidate> hopeful;
    for (size_t i = 0; i < running.size(); ++i) {
      if (half[i][0] <= best + options.hopeless) hopeful.push_back(running[i]);
    }
    running = hopeful;
  }
  running = lowest(running, scorer.means(running, look), options.on_second_document);
  const int64_t two_looks = std::min(2 * look, scorer.num_documents());
  running = lowest(running, scorer.means(running, two_looks), running.size());
  const std::vector<double> means = scorer.means(running, two_looks);
  SeedRaceResult result;
  for (size_t i = 0; i < running.size(); ++i) {
    if (i < options.winners) {
      result.winners.push_back(running[i]);
    } else if (means[i] <= means[options.winners - 1] + options.close) {
      result.runners_up.push_back(running[i]);
    }
  }
  return result;
}

Candidate best_of_raced(Scorer& scorer, const std::vector<Candidate>& raced) {
  std::vector<Candidate> whole;
  for (const Candidate& candidate : raced) {
    if (scorer.is_known(candidate, 0)) whole.push_back(candidate);
  }
  if (!whole.empty()) {
    return lowest(whole, scorer.means(whole, scorer.documents_per_look()), 1).front();
  }
  std::vector<double> half;  // all of them were hopeless
  for (const auto& row : scorer.scores(raced, {0}, scorer.target_length() / 2)) half.push_back(row[0]);
  return lowest(raced, half, 1).front();
}

}  // namespace ropeway
