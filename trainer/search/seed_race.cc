#include "trainer/search/seed_race.h"

#include <algorithm>

#include "trainer/search/scorer.h"

namespace ropeway {

namespace {

// Those within reach of the best on the first `length` tokens, best first.
std::vector<Candidate> hopeful(Scorer& scorer, const std::vector<Candidate>& running, int64_t length,
                               double hopeless, size_t most) {
  std::vector<double> losses;
  for (const auto& row : scorer.scores(running, {0}, length)) losses.push_back(row[0]);
  const double best = *std::min_element(losses.begin(), losses.end());
  const auto within =
      std::count_if(losses.begin(), losses.end(), [&](double loss) { return loss <= best + hopeless; });
  return lowest(running, losses, std::min(most, static_cast<size_t>(within)));
}

}  // namespace

std::vector<int64_t> dropping_lengths(int64_t target_length, int64_t trained_length) {
  std::vector<int64_t> lengths;
  for (const int64_t parts : {4, 2}) {
    if (target_length / parts >= 2 * trained_length) lengths.push_back(target_length / parts);
  }
  return lengths;
}

SeedRaceResult race_seeds(Scorer& scorer, const std::vector<Candidate>& seeds,
                          const std::vector<int64_t>& lengths, const SeedRaceOptions& options) {
  const int64_t look = scorer.documents_per_look();
  std::vector<Candidate> running = without_repetitions(seeds);
  for (const int64_t length : lengths) {
    const size_t most = length == lengths.back() ? options.most_to_target : options.most_to_half;
    running = hopeful(scorer, running, length, options.hopeless, most);
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

Candidate best_of_raced(Scorer& scorer, const std::vector<Candidate>& raced,
                        const std::vector<int64_t>& lengths) {
  const auto known_at = [&](int64_t length) {
    std::vector<Candidate> known;
    for (const Candidate& candidate : raced) {
      if (scorer.is_known(candidate, 0, length)) known.push_back(candidate);
    }
    return known;
  };
  const std::vector<Candidate> whole = known_at(0);
  if (!whole.empty()) {
    return lowest(whole, scorer.means(whole, scorer.documents_per_look()), 1).front();
  }
  // All of them were hopeless: by the longest that any was tried at.
  for (auto length = lengths.rbegin(); length != lengths.rend(); ++length) {
    const std::vector<Candidate> known = known_at(*length);
    if (known.empty()) continue;
    std::vector<double> losses;
    for (const auto& row : scorer.scores(known, {0}, *length)) losses.push_back(row[0]);
    return lowest(known, losses, 1).front();
  }
  return lowest(raced, scorer.means(raced, scorer.documents_per_look()), 1).front();
}

}  // namespace ropeway
