#include "trainer/data/skipped_positions.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/base/random.h"

namespace ropeway {
namespace {

// Passkeys draw from blocks 0 and 1 of the same stream.
constexpr uint32_t kPositionBlock = 2;

}  // namespace

int64_t skip_target(const SkipOptions& options, int64_t length, uint64_t index) {
  const auto windows = static_cast<double>(options.growing_windows);
  const double grown = windows > 0 ? std::min(1.0, static_cast<double>(index) / windows) : 1;
  const double ratio = static_cast<double>(options.target) / static_cast<double>(length);
  return std::llround(static_cast<double>(length) * std::pow(ratio, grown));
}

std::vector<PositionJump> skipped_positions(const SkipOptions& options, int64_t length, uint64_t seed,
                                            uint64_t index) {
  const int64_t room = skip_target(options, length, index) - length;
  if (options.target == 0 || room <= 0) return {};
  Philox random(seed, Stream::kPasskey, index, kPositionBlock);
  std::set<int64_t> cuts;
  const int64_t wanted = std::min(options.chunks, length) - 1;
  while (std::ssize(cuts) < wanted) {
    cuts.insert(1 + static_cast<int64_t>(random.below(static_cast<uint64_t>(length - 1))));
  }
  std::vector<PositionJump> jumps;
  int64_t shift = 0;
  for (const int64_t cut : cuts) {
    shift += static_cast<int64_t>(random.below(static_cast<uint64_t>(room - shift + 1)));
    jumps.push_back({cut, shift});
  }
  return jumps;
}

}  // namespace ropeway
