// Ranges of a flat array of parameters, such as those whose weights decay: a few numbers per range, where a
// mask would take a byte per parameter.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

struct FlatRange {
  int64_t begin = 0, end = 0;  // [begin, end)
  int64_t size() const { return end - begin; }
  bool operator==(const FlatRange&) const = default;
};

class FlatRanges {
 public:
  // In ascending order: begins where the last one ended, which it then prolongs, or later. kInternal otherwise.
  void add(FlatRange range);

  const std::vector<FlatRange>& ranges() const { return ranges_; }  // ascending, with gaps between them
  int64_t count() const;                                            // of elements

  // `part` cut where it enters or leaves one of the ranges: in order, each run as long as possible.
  struct Run {
    FlatRange range;
    bool listed;  // inside one of the ranges
    bool operator==(const Run&) const = default;
  };
  std::vector<Run> runs_in(FlatRange part) const;

 private:
  std::vector<FlatRange> ranges_;
};

}  // namespace ropeway
