// What an evaluation is a list of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trainer/rope/factor_set.h"

namespace ropeway {

// A factor set at a length.
struct EvaluationCell {
  std::string name;  // in reports: "yarn", a set's name
  int64_t length = 0;
  FactorSet factors;
  // What the model takes at the original window, for the control that crops. Empty: `factors`.
  std::optional<FactorSet> window_factors = {};
};

// What there is to say of a cell whose length its factors are not for: "", or "yarn_64k is for 65536 tokens at
// most and evaluated at 131072".
std::string length_warning(const EvaluationCell& cell);

}  // namespace ropeway
