#include "parallel/zero/unit_shards.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "parallel/zero/shard_range.h"

namespace ropeway {

int64_t UnitShards::row_of(int64_t size, int ranks) {
  const int64_t blocks = (size + kShardUnit - 1) / kShardUnit;
  return (blocks + ranks - 1) / ranks * kShardUnit;
}

UnitShards::UnitShards(std::vector<FlatRange> units, int ranks, int rank)
    : units_(std::move(units)), own_begins_{0}, ranks_(ranks) {
  ROPEWAY_CHECK(ranks >= 1 && rank >= 0 && rank < ranks, "rank {} of {}", rank, ranks);
  int64_t covered = 0;
  for (size_t u = 0; u < units_.size(); ++u) {
    const FlatRange unit = units_[u];
    ROPEWAY_CHECK(unit.begin == covered && unit.end >= unit.begin, "unit [{}, {}) after {}", unit.begin,
                  unit.end, covered);
    covered = unit.end;
    const FlatRange own{std::min(unit.begin + rank * row(u), unit.end),
                        std::min(unit.begin + (rank + 1) * row(u), unit.end)};
    pieces_.push_back(own);
    own_begins_.push_back(own_begins_.back() + own.size());
  }
}

size_t UnitShards::unit_at(int64_t index) const {
  ROPEWAY_CHECK(0 <= index && index < total(), "element {} of {}", index, total());
  const auto after = std::upper_bound(units_.begin(), units_.end(), index,
                                      [](int64_t i, const FlatRange& unit) { return i < unit.begin; });
  return static_cast<size_t>(after - units_.begin() - 1);
}

int64_t UnitShards::global_index(int64_t index) const {
  ROPEWAY_CHECK(0 <= index && index < own_count(), "element {} of a share of {}", index, own_count());
  const auto after = std::upper_bound(own_begins_.begin(), own_begins_.end(), index);
  const auto u = static_cast<size_t>(after - own_begins_.begin() - 1);
  return pieces_[u].begin + index - own_begins_[u];
}

}  // namespace ropeway
