#include "trainer/search/race.h"

#include <algorithm>
#include <cmath>

#include "trainer/search/scorer.h"

namespace ropeway {

RaceResult race(Scorer& scorer, const Candidate& challenger, const Candidate& incumbent, int64_t documents,
                const RaceOptions& options) {
  RaceResult result;
  double sum = 0, sum_of_squares = 0;
  for (int64_t j = 0; j < documents; ++j) {
    const double own = scorer.score(challenger, j);
    if (!std::isfinite(own)) return {false, own, j + 1};
    const double other = scorer.score(incumbent, j);
    if (!std::isfinite(other)) return {true, -other, j + 1};
    const double difference = own - other;
    sum += difference;
    sum_of_squares += difference * difference;
    const auto n = static_cast<double>(j + 1);
    const double mean = sum / n;
    result = {mean < 0, mean, j + 1};
    const int64_t look = scorer.documents_per_look();
    if (j + 1 < look) continue;
    if (j + 1 == look && mean >= options.hopeless) break;
    if (j == 0) continue;
    const double variance = std::max(0.0, (sum_of_squares - n * mean * mean) / (n - 1));
    if (std::abs(mean) > options.z * std::sqrt(variance / n) && std::abs(mean) >= options.min_difference)
      break;
  }
  return result;
}

}  // namespace ropeway
