#include "parallel/zero/flat_ranges.h"

#include <algorithm>

#include "kernels/base/error.h"

namespace ropeway {

void FlatRanges::add(FlatRange range) {
  const int64_t end = ranges_.empty() ? 0 : ranges_.back().end;
  ROPEWAY_CHECK(range.begin >= end && range.end >= range.begin, "range [{}, {}) after one that ends at {}",
                range.begin, range.end, end);
  if (range.size() == 0) return;
  if (!ranges_.empty() && range.begin == end) {
    ranges_.back().end = range.end;
  } else {
    ranges_.push_back(range);
  }
}

int64_t FlatRanges::count() const {
  int64_t count = 0;
  for (const FlatRange& range : ranges_) count += range.size();
  return count;
}

std::vector<FlatRanges::Run> FlatRanges::runs_in(FlatRange part) const {
  std::vector<Run> runs;
  int64_t at = part.begin;
  const auto run_to = [&](int64_t end, bool listed) {
    end = std::min(end, part.end);
    if (end > at) runs.push_back({{at, end}, listed});
    at = std::max(at, end);
  };
  const auto first = std::partition_point(ranges_.begin(), ranges_.end(),
                                          [&](const FlatRange& range) { return range.end <= part.begin; });
  for (auto range = first; range != ranges_.end() && at < part.end; ++range) {
    run_to(range->begin, false);
    run_to(range->end, true);
  }
  run_to(part.end, false);
  return runs;
}

}  // namespace ropeway
