#include "trainer/search/seed_race.h"

#include <algorithm>
#include <set>

namespace ropeway {
namespace {

// The `count` seeds of the lowest mean over the first `documents` fixed ones, lowest first.
std::vector<Candidate> lowest(Scorer& scorer, const std::vector<Candidate>& seeds, int64_t documents,
                              size_t count) {
  const std::vector<double> means = scorer.means(seeds, documents);
  std::vector<size_t> order(seeds.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return means[a] < means[b]; });
  std::vector<Candidate> result;
  for (size_t i = 0; i < std::min(count, order.size()); ++i) result.push_back(seeds[order[i]]);
  return result;
}

}  // namespace

std::vector<Candidate> race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds, bool drop_at_half,
                                  const SeedRaceOptions& options) {
  const int64_t look = scorer.documents_per_look();
  std::vector<Candidate> running;
  std::set<std::string> seen;
  for (const Candidate& seed : seeds) {
    if (seen.insert(candidate_key(seed)).second) running.push_back(seed);
  }
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
  running = lowest(scorer, running, look, options.on_second_document);
  return lowest(scorer, running, std::min(2 * look, scorer.num_documents()), options.winners);
}

}  // namespace ropeway
