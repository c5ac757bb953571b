// Flat parameters cut into units (an embedding, a block), each divided among the ranks by itself: a unit can
// be gathered or reduced as soon as its turn comes, in rows of equal length, without the rest of the model.
//
//   flat array     | unit 0                | unit 1       | ...
//   rank's share   | row 0 | row 1 | row 2 | row 0 | ...          its pieces, one of every unit
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "parallel/zero/flat_ranges.h"

namespace ropeway {

class UnitShards {
 public:
  // units: ascending, without gaps, from element 0 on.
  UnitShards(std::vector<FlatRange> units, int ranks, int rank);

  size_t num_units() const { return units_.size(); }
  int64_t total() const { return units_.empty() ? 0 : units_.back().end; }
  FlatRange unit(size_t u) const { return units_[u]; }
  size_t unit_at(int64_t index) const;  // that the element belongs to

  // Elements per rank: a multiple of kShardUnit. The last ranks have fewer of a unit that is not as long, or
  // none.
  int64_t row(size_t u) const { return row_of(units_[u].size(), ranks_); }
  int64_t padded(size_t u) const { return row(u) * ranks_; }
  static int64_t row_of(int64_t size, int ranks);

  // This rank's pieces, unit by unit; some may be empty.
  const std::vector<FlatRange>& pieces() const { return pieces_; }
  int64_t own_begin(size_t u) const { return own_begins_[u]; }  // where the pieces lie one behind the other
  int64_t own_count() const { return own_begins_.back(); }
  // The element of the flat array that element `index` of the pieces is.
  int64_t global_index(int64_t index) const;

 private:
  std::vector<FlatRange> units_, pieces_;
  std::vector<int64_t> own_begins_;  // of every unit, and the end
  int ranks_;
};

}  // namespace ropeway
