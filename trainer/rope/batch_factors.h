// The factor sets of a batch: one for all of its sequences, or several, of which each sequence names its own
// (SequenceSpec::factor_set).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/rope/factor_set.h"

namespace ropeway {

// Keeps references.
class BatchFactors {
 public:
  BatchFactors(const FactorSet& all) : sets_{&all} {}  // a set by itself is one for all sequences
  BatchFactors(const FactorSet& first, const FactorSet& second) : sets_{&first, &second} {}
  // The same one by `count` numbers.
  BatchFactors(const FactorSet& all, int64_t count) : sets_(static_cast<size_t>(count), &all) {}

  int64_t count() const { return static_cast<int64_t>(sets_.size()); }
  const FactorSet& of(int64_t set) const { return *sets_.at(static_cast<size_t>(set)); }

 private:
  std::vector<const FactorSet*> sets_;
};

}  // namespace ropeway
