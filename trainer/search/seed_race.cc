#include "trainer/search/seed_race.h"

#include <algorithm>
#include <set>

namespace ropeway {
namespace {

std::vector<Candidate> candidates_of(const std::vector<Seed>& seeds) {
  std::vector<Candidate> candidates;
  for (const Seed& seed : seeds) candidates.push_back(seed.candidate);
  return candidates;
}

// The `count` seeds of the lowest mean over the first `documents` fixed ones, lowest first.
std::vector<Seed> lowest(Scorer& scorer, const std::vector<Seed>& seeds, int64_t documents, size_t count) {
  const std::vector<double> means = scorer.means(candidates_of(seeds), documents);
  std::vector<size_t> order(seeds.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return means[a] < means[b]; });
  std::vector<Seed> result;
  for (size_t i = 0; i < std::min(count, order.size()); ++i) result.push_back(seeds[order[i]]);
  return result;
}

}  // namespace

std::vector<Seed> race_seeds(Scorer& scorer, const std::vector<Seed>& seeds, bool drop_at_half,
                             const SeedRaceOptions& options) {
  std::vector<Seed> running;
  std::set<std::string> seen;
  for (const Seed& seed : seeds) {
    if (seen.insert(candidate_key(seed.candidate)).second) running.push_back(seed);
  }
  if (drop_at_half) {
    const auto half = scorer.scores(candidates_of(running), {0}, scorer.target_length() / 2);
    double best = half[0][0];
    for (const auto& row : half) best = std::min(best, row[0]);
    std::vector<Seed> hopeful;
    for (size_t i = 0; i < running.size(); ++i) {
      if (half[i][0] <= best + options.hopeless) hopeful.push_back(running[i]);
    }
    running = hopeful;
  }
  running = lowest(scorer, running, 1, options.on_second_document);
  return lowest(scorer, running, std::min<int64_t>(2, scorer.num_documents()), options.winners);
}

}  // namespace ropeway
