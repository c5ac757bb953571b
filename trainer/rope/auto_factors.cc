#include "trainer/rope/auto_factors.h"

#include <algorithm>
#include <iterator>

namespace ropeway {

std::vector<FactorSet> sets_for_weights(const std::vector<FactorSet>& sets, const std::string& weights) {
  std::vector<FactorSet> own;
  std::ranges::copy_if(sets, std::back_inserter(own),
                       [&](const FactorSet& set) { return is_for_weights(set, weights); });
  return own;
}

FactorSet auto_factor_set(const std::vector<FactorSet>& sets, const std::string& weights,
                          const RopeGeometry& geometry, int64_t length) {
  // Factors of the base are looked for in the whole list: a fine-tune leaves them behind as history.
  const FactorSet base =
      computed_factor_set(kOriginalRope, geometry, geometry.original_length, base_factors(sets));
  return select_factor_set(sets_for_weights(sets, weights), length, base);
}

}  // namespace ropeway
