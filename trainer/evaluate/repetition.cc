#include "trainer/evaluate/repetition.h"

#include <algorithm>
#include <cmath>

namespace ropeway {
namespace {

constexpr int64_t kMostDistances = 8, kPassagesInWindow = 16;

}  // namespace

RepetitionLayout repetition_layout(int64_t length, int64_t original_window, int64_t start) {
  RepetitionLayout layout{.passage = std::max<int64_t>(1, original_window / kPassagesInWindow)};
  const int64_t nearest = std::max<int64_t>(1, original_window / 2);  // holds 8 passages
  for (int64_t count = kMostDistances; count > 0; --count) {
    // The first passage's copy at the very start would be farthest; the last passage's may be as far.
    const int64_t farthest = length - start - count * layout.passage;
    const double span = static_cast<double>(farthest) / static_cast<double>(nearest);
    if (count > 1 && std::log2(span) < static_cast<double>(count - 1)) continue;
    for (int64_t k = 0; k < count; ++k) {
      const double share = count == 1 ? 1 : static_cast<double>(k) / static_cast<double>(count - 1);
      layout.distances.push_back(std::llround(static_cast<double>(nearest) * std::pow(span, share)));
    }
    return layout;
  }
  return layout;
}

std::vector<int32_t> with_copies(std::vector<int32_t> window, const RepetitionLayout& layout) {
  const int64_t first = std::ssize(window) - layout.targets();
  for (int64_t k = 0; k < std::ssize(layout.distances); ++k) {
    const auto passage = window.begin() + first + k * layout.passage;
    std::copy_n(passage, layout.passage, passage - layout.distances[static_cast<size_t>(k)]);
  }
  return window;
}

}  // namespace ropeway
