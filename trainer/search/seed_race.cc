#include "trainer/search/seed_race.h"

#include <algorithm>

#include "trainer/search/scorer.h"

namespace ropeway {

std::vector<Candidate> race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds, bool drop_at_half,
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
  return lowest(running, scorer.means(running, two_looks), options.winners);
}

}  // namespace ropeway
