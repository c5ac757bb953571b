// Which of a model's sets a sequence gets where nobody names one: in evaluation, in an export, and in the
// config.json beside saved weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/rope/factor_set.h"
#include "trainer/rope/schedules.h"

namespace ropeway {

// select_factor_set() among the sets that are for the weights of this name; where it falls back on the RoPE
// that the base model was trained under, a set called "none". The set's max_length is below `length` when
// none reaches that far.
FactorSet auto_factor_set(const std::vector<FactorSet>& sets, const std::string& weights,
                          const RopeGeometry& geometry, int64_t length);

// The sets that are for the weights of this name, in their order.
std::vector<FactorSet> sets_for_weights(const std::vector<FactorSet>& sets, const std::string& weights);

}  // namespace ropeway
